import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import { Config } from '../config/config.js';
import { SseStream } from '../http/sse-stream.js';
import type { Caller } from '../queue/caller.js';
import { Parking, type ParkedRequest } from '../runtime/parking.js';
import { TaskNotFound } from '../task/task.errors.js';
import { isFinished, type Task } from '../task/task.js';
import type { TaskState } from '../task/task-state.js';
import { LogFollowers } from './log-followers.js';
import { hasEnded, LogService, type LogView } from './log.service.js';
import { wholeLength } from './utf8.js';

/** Bytes of one event. */
const EVENT_BYTES = 65_536;
/** Seconds after which a stream ends, and its client reconnects. */
const LONGEST_STREAM = 86_400;

/** The position of a stream. */
export interface LogPlace {
  readonly attempt: number;
  readonly offset: number;
}

export interface LogStreamOptions {
  readonly task: Task;
  readonly place: LogPlace;
  readonly caller: Caller;
}

/** All streams of logs of this process. Each takes a place of `MAX_PARKED_POLLS`. */
@Injectable()
export class LogStreams implements OnModuleDestroy {
  private readonly open = new Set<LogStream>();

  constructor(
    private readonly logs: LogService,
    private readonly followers: LogFollowers,
    private readonly parking: Parking,
    private readonly config: Config,
  ) {}

  /**
   * Writes the log to the response as it grows, until the task or its reader ends.
   *
   * @throws ProblemError `too_many_waiters`
   */
  start(response: Response, { task, place, caller }: LogStreamOptions): void {
    const { logs, config } = this;
    const request = this.parking.park<undefined>({
      wait: LONGEST_STREAM,
      caller,
      timeOut: () => {
        stream.end();
      },
      left: () => {
        unfollow();
        this.open.delete(stream);
      },
    });
    const stream = new LogStream(response, {
      ...{ task, place, request, logs },
      mayRead: () => !caller.isGone,
      heartbeatMs: config.EVENTS_HEARTBEAT_SECONDS * 1000,
      slowMs: config.EVENTS_SLOW_READER_SECONDS * 1000,
    });
    const unfollow = this.followers.follow(task.spec.id, stream.wake);
    this.open.add(stream);
    stream.begin();
  }

  /** Ends all streams; clients reconnect to another process. */
  onModuleDestroy(): void {
    for (const stream of this.open) stream.end();
  }
}

interface StreamOptions {
  readonly task: Task;
  readonly place: LogPlace;
  readonly request: ParkedRequest<undefined>;
  readonly logs: LogService;
  readonly mayRead: () => boolean;
  readonly heartbeatMs: number;
  readonly slowMs: number;
}

/**
 * The log of a task as server-sent events, attempt after attempt. It reads on only when the previous event has left the
 * process. An event never ends within a character, unless the attempt does.
 */
class LogStream {
  private task: Task;
  private place: LogPlace;
  private readonly stream: SseStream;

  constructor(
    response: Response,
    private readonly options: StreamOptions,
  ) {
    this.task = options.task;
    this.place = options.place;
    this.stream = new SseStream(response, {
      heartbeatMs: options.heartbeatMs,
      slowMs: options.slowMs,
      mayRead: options.mayRead,
      keepAlive: () => ':\n\n',
      readOn: () => this.readOn(),
      onEnd: () => {
        options.request.leave(undefined);
      },
    });
  }

  get wake(): () => void {
    return this.stream.wake;
  }

  begin(): void {
    this.stream.begin();
  }

  end(): void {
    this.stream.end();
  }

  private async readOn(): Promise<void> {
    try {
      await this.writeAvailable();
    } catch (error) {
      if (!(error instanceof TaskNotFound)) throw error;
      await this.finish(null);
    }
  }

  private async writeAvailable(): Promise<void> {
    while (this.stream.mayContinue()) {
      const view = await this.options.logs.view(this.task, { ...this.place, limit: EVENT_BYTES });
      this.task = view.task;
      const end = await this.writeText(view);
      this.place = { attempt: view.attempt, offset: end };
      if (end > view.offset && end < view.size) continue;
      if (view.isEnded) {
        if (view.task.attempt > view.attempt) this.place = { attempt: view.attempt + 1, offset: 0 };
        else if (isFinished(view.task)) await this.finish(view.task.state);
        else return;
      } else if (!hasEnded(view.task, view.attempt)) return;
      // It ended during the read, which may have missed the last bytes: read on.
    }
  }

  /** Returns the offset after the text. */
  private async writeText({ attempt, offset, bytes, size, isEnded }: LogView): Promise<number> {
    const isLast = isEnded && offset + bytes.length === size;
    const whole = isLast ? bytes : bytes.subarray(0, wholeLength(bytes));
    const end = offset + whole.length;
    if (whole.length === 0) return end;
    const data = JSON.stringify({ attempt, offset, text: whole.toString('utf8') });
    await this.stream.write(`id: ${attempt}:${end}\nevent: log\ndata: ${data}\n\n`);
    return end;
  }

  /** @param status the final state; `null` if the task was deleted */
  private async finish(status: TaskState | null): Promise<void> {
    await this.stream.write(`event: end\ndata: ${JSON.stringify({ status })}\n\n`);
    this.stream.end();
  }
}
