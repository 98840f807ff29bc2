import type { Response } from 'express';
import { SseStream } from '../http/sse-stream.js';
import type { PublishedEvent } from '../storage/event-log.js';
import { type EventFilter, matches } from './event-filter.js';
import type { EventHub, StreamPosition } from './event-hub.js';

export interface SessionOptions {
  readonly filter: EventFilter;
  /** Milliseconds between two keep-alives. */
  readonly heartbeatMs: number;
  /** Milliseconds that the reader can leave data unread. */
  readonly slowMs: number;
  /** Whether the reader still has permission. Checked before each read. */
  readonly mayRead: () => boolean;
}

/** Why a reader cannot continue from its position. */
export type ResetReason = 'too_old' | 'unknown';

/** The maximum size of one write; further events stay in their source. */
const CHUNK_BYTES = 65_536;

/**
 * One reader of the event stream. It reads further events only when the previous ones have left the process, so it
 * buffers at most one chunk.
 */
export class EventSession {
  private position: StreamPosition = { id: 0 };
  /** The last position written. */
  private writtenId: number | undefined;
  private readonly stream: SseStream;

  constructor(
    private readonly hub: EventHub,
    response: Response,
    private readonly options: SessionOptions,
  ) {
    this.stream = new SseStream(response, {
      heartbeatMs: options.heartbeatMs,
      slowMs: options.slowMs,
      mayRead: options.mayRead,
      keepAlive: () => `:\n${this.positionLine()}`,
      readOn: () => this.readOn(),
      onEnd: () => {
        this.hub.leave(this.wake);
      },
    });
  }

  get wake(): () => void {
    return this.stream.wake;
  }

  /** Starts to write. The reader must be registered with the hub already. */
  begin(position: StreamPosition, reset?: ResetReason): void {
    this.position = position;
    this.stream.begin(reset === undefined ? this.positionLine() : this.resetTo(position, reset));
  }

  /** Ends the response if it has begun; `admit` answers otherwise. */
  end(): void {
    this.stream.end();
  }

  /** Writes all available events. */
  private async readOn(): Promise<void> {
    while (this.stream.mayContinue()) {
      const read = await this.hub.read(this.position, this.options.filter.queues);
      if (read === undefined) {
        await this.stream.write(this.resetTo(this.hub.end, 'too_old'));
        continue;
      }
      this.position = read.position;
      if (read.events.length === 0) return;
      const texts = read.events.filter((event) => matches(this.options.filter, event)).map(frame);
      for (const chunk of chunksOf(texts)) await this.stream.write(chunk);
      this.writtenId = read.events.at(-1)?.id;
    }
  }

  private resetTo(position: StreamPosition, reason: ResetReason): string {
    this.position = position;
    return `event: reset\n${this.positionLine().trimEnd()}\ndata: ${JSON.stringify({ reason })}\n\n`;
  }

  /** An `id` line without an event, so that the client's position advances when no event matches its filter. */
  private positionLine(): string {
    const { id } = this.position;
    if (id === this.writtenId) return '\n';
    this.writtenId = id;
    return `id: ${id}\n\n`;
  }
}

function frame({ id, text }: PublishedEvent): string {
  return `id: ${id}\ndata: ${text}\n\n`;
}

function* chunksOf(texts: readonly string[]): Generator<string> {
  let chunk = '';
  for (const text of texts) {
    chunk += text;
    if (chunk.length < CHUNK_BYTES) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
