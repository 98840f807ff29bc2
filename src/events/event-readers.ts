import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.error.js';
import { onAnswered } from '../http/raw-reply.js';
import type { EventFilter } from './event-filter.js';
import { EventHub } from './event-hub.js';
import { EventSession } from './event-session.js';

export interface Subscription {
  readonly filter: EventFilter;
  /** The last event the reader has; `undefined` to start with new events. */
  readonly lastEventId: number | undefined;
  readonly mayRead: () => boolean;
}

/** All readers of the event stream of this process. */
@Injectable()
export class EventReaders implements OnModuleDestroy {
  private readonly sessions = new Set<EventSession>();
  private isClosed = false;

  constructor(
    private readonly hub: EventHub,
    private readonly config: Config,
  ) {}

  /** The number of readers. */
  get size(): number {
    return this.sessions.size;
  }

  /**
   * Writes events to the response until the client or the service ends it.
   *
   * @throws ProblemError `too_many_readers` or `draining`
   * @throws StoreUnavailable
   */
  async admit(response: Response, { filter, lastEventId, mayRead }: Subscription): Promise<void> {
    const { EVENTS_MAX_READERS, EVENTS_HEARTBEAT_SECONDS, EVENTS_SLOW_READER_SECONDS } = this.config;
    this.requireOpen();
    if (this.sessions.size >= EVENTS_MAX_READERS) {
      throw new ProblemError(
        'too_many_readers',
        `${EVENTS_MAX_READERS} clients read the event stream already; try again later`,
      );
    }
    const session = new EventSession(this.hub, response, {
      filter,
      heartbeatMs: EVENTS_HEARTBEAT_SECONDS * 1000,
      slowMs: EVENTS_SLOW_READER_SECONDS * 1000,
      mayRead,
    });
    this.sessions.add(session);
    // Not on `close`: a response that is pipelined behind another never emits it when the connection closes.
    onAnswered(response, () => this.sessions.delete(session));
    await this.start(session, lastEventId, filter).catch((error: unknown) => {
      this.sessions.delete(session);
      this.hub.leave(session.wake);
      throw error;
    });
  }

  /** Ends all streams; clients reconnect to another process. */
  onModuleDestroy(): void {
    this.isClosed = true;
    for (const session of this.sessions) session.end();
    this.hub.stop();
  }

  private async start(
    session: EventSession,
    lastEventId: number | undefined,
    { queues }: EventFilter,
  ): Promise<void> {
    await this.hub.enter(session.wake);
    if (lastEventId === undefined) {
      this.requireOpen();
      session.begin(this.hub.end);
      return;
    }
    const place = { id: lastEventId };
    const isPast = await this.hub.isPast(lastEventId);
    const isThere = isPast && (await this.hub.read(place, queues)) !== undefined;
    this.requireOpen();
    if (isThere) session.begin(place);
    else session.begin(this.hub.end, isPast ? 'too_old' : 'unknown');
  }

  private requireOpen(): void {
    if (this.isClosed)
      throw new ProblemError('draining', 'The service is shutting down; try again in a moment');
  }
}
