import type { Response } from 'express';
import { onHangUp } from '../http/raw-reply.js';
import type { PublishedEvent } from '../storage/event-log.js';
import { type EventFilter, matches } from './event-filter.js';
import type { EventHub, StreamPosition } from './event-hub.js';

export interface SessionOptions {
  readonly filter: EventFilter;
  /** Milliseconds between two keep-alives. */
  readonly heartbeatMs: number;
  /** Milliseconds that the reader can leave data unread. */
  readonly slowMs: number;
  /** Whether the reader still has permission. Checked before each write. */
  readonly mayRead: () => boolean;
}

/** Why a reader cannot continue from its position. */
export type ResetReason = 'too_old' | 'unknown';

/** Milliseconds before a client reconnects. */
const RETRY_MS = 2_000;

/** The maximum size of one write; further events stay in their source. */
const CHUNK_BYTES = 65_536;

/**
 * One reader of the event stream. It reads further events only when the previous ones have left the process, so it
 * buffers at most one chunk. A reader that leaves data unread too long is disconnected.
 */
export class EventSession {
  private position: StreamPosition;
  private told: number | undefined;
  private isBusy = false;
  private isWoken = false;
  private isBegun = false;
  private isEnded = false;
  private heartbeat: NodeJS.Timeout | undefined;
  /** Ends the wait for the connection to drain. */
  private release: () => void = () => undefined;
  readonly wake = (): void => {
    this.isWoken = true;
    if (this.isBegun && !this.isBusy && !this.isEnded) void this.run();
  };

  constructor(
    private readonly hub: EventHub,
    private readonly response: Response,
    private readonly options: SessionOptions,
  ) {
    this.position = { id: 0 };
  }

  /** Starts to write. The reader must be registered with the hub already. */
  begin(position: StreamPosition, reset?: ResetReason): void {
    onHangUp(this.response, () => {
      this.end();
    });
    this.response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    this.response.setHeader('X-Accel-Buffering', 'no');
    this.response.write(`retry: ${RETRY_MS}\n\n`);
    this.position = position;
    this.isBegun = true;
    if (reset === undefined) this.response.write(this.positionLine());
    else this.response.write(this.resetTo(position, reset));
    this.heartbeat = setInterval(() => {
      this.beat();
    }, this.options.heartbeatMs);
    this.wake();
  }

  /** Ends the response if it has begun; `admit` answers otherwise. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    clearInterval(this.heartbeat);
    this.hub.leave(this.wake);
    if (this.isBegun) this.response.end();
    this.release();
  }

  private beat(): void {
    if (!this.options.mayRead()) this.end();
    // Data in flight serves as a keep-alive.
    else if (!this.isBusy) this.response.write(`:\n${this.positionLine()}`);
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    try {
      while (this.isWoken && !this.isEnded) {
        this.isWoken = false;
        await this.readOn();
      }
    } catch {
      // The remaining events are only in the store, and the store is unavailable. The client reconnects, here or
      // elsewhere.
      this.end();
    }
    this.isBusy = false;
  }

  /** Writes all available events. */
  private async readOn(): Promise<void> {
    while (!this.isEnded) {
      if (!this.options.mayRead()) {
        this.end();
        return;
      }
      const read = await this.hub.read(this.position, this.options.filter.queues);
      if (read === undefined) {
        await this.write(this.resetTo(this.hub.end, 'too_old'));
        continue;
      }
      this.position = read.position;
      if (read.events.length === 0) return;
      const texts = read.events.filter((event) => matches(this.options.filter, event)).map(frame);
      for (const chunk of chunksOf(texts)) await this.write(chunk);
      this.told = read.events.at(-1)?.id;
    }
  }

  /** Resolves when the connection can take more data. Disconnects a slow reader. */
  private async write(text: string): Promise<void> {
    if (this.isEnded || this.response.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.response.destroy();
        this.end();
      }, this.options.slowMs);
      this.release = done;
      this.response.once('drain', done);
    });
  }

  private resetTo(position: StreamPosition, reason: ResetReason): string {
    this.position = position;
    return `event: reset\n${this.positionLine().trimEnd()}\ndata: ${JSON.stringify({ reason })}\n\n`;
  }

  /** An `id` line without an event, so that the client's position advances when no event matches its filter. */
  private positionLine(): string {
    const { id } = this.position;
    if (id === this.told) return '\n';
    this.told = id;
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
