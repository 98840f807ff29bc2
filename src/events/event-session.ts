import type { Response } from 'express';
import { onHangUp } from '../http/raw-reply.js';
import type { LoggedEvent } from '../storage/event-log.js';
import { type EventFilter, matches } from './event-filter.js';
import type { EventHub, Place } from './event-hub.js';

export interface SessionOptions {
  readonly filter: EventFilter;
  /** How often something is written when nothing happens, in milliseconds. */
  readonly heartbeatMs: number;
  /** How long the reader may take for what was written, in milliseconds. */
  readonly slowMs: number;
  /** Whether the reader may go on. Asked before anything is told. */
  readonly mayRead: () => boolean;
}

/** Why a reader cannot go on where it was. */
export type ResetReason = 'too_old' | 'unknown';

/** How long a client waits before it connects again. */
const RETRY_MS = 2_000;

/** As much is handed to the connection at a time; the rest waits where it came from. */
const CHUNK_BYTES = 65_536;

/**
 * One reader of the event stream. It takes the next events only when the ones before have left the process, so it keeps
 * at most one chunk in memory; a reader that leaves it there too long is cut off.
 */
export class EventSession {
  private place: Place;
  private told: number | undefined;
  private isBusy = false;
  private isWoken = false;
  private isBegun = false;
  private isEnded = false;
  private heartbeat: NodeJS.Timeout | undefined;
  /** Ends a wait for the connection. */
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
    this.place = { id: 0 };
  }

  /** Begins to write. The hub knows the reader already. */
  begin(place: Place, reset?: ResetReason): void {
    onHangUp(this.response, () => {
      this.end();
    });
    this.response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    this.response.setHeader('X-Accel-Buffering', 'no');
    this.response.write(`retry: ${RETRY_MS}\n\n`);
    this.place = place;
    this.isBegun = true;
    if (reset === undefined) this.response.write(this.position());
    else this.response.write(this.resetTo(place, reset));
    this.heartbeat = setInterval(() => {
      this.beat();
    }, this.options.heartbeatMs);
    this.wake();
  }

  /** Ends the answer, unless it has ended. One that has not begun is left to whoever admits the reader. */
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
    // While something is on its way that is sign enough.
    else if (!this.isBusy) this.response.write(`:\n${this.position()}`);
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    try {
      while (this.isWoken && !this.isEnded) {
        this.isWoken = false;
        await this.readOn();
      }
    } catch {
      // The store is away and what follows is only there: the client comes back, here or elsewhere.
      this.end();
    }
    this.isBusy = false;
  }

  /** Writes everything there is. */
  private async readOn(): Promise<void> {
    while (!this.isEnded) {
      if (!this.options.mayRead()) {
        this.end();
        return;
      }
      const read = await this.hub.read(this.place, this.options.filter.queues);
      if (read === undefined) {
        await this.write(this.resetTo(this.hub.end, 'too_old'));
        continue;
      }
      this.place = read.place;
      if (read.events.length === 0) return;
      const texts = read.events.filter((event) => matches(this.options.filter, event)).map(frame);
      for (const chunk of chunksOf(texts)) await this.write(chunk);
      this.told = read.events.at(-1)?.id;
    }
  }

  /** Resolves when the connection takes more. A reader that is too slow is cut off. */
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

  private resetTo(place: Place, reason: ResetReason): string {
    this.place = place;
    return `event: reset\n${this.position().trimEnd()}\ndata: ${JSON.stringify({ reason })}\n\n`;
  }

  /** Tells the client its place without an event, so that it does not fall behind when nothing is for it. */
  private position(): string {
    const { id } = this.place;
    if (id === this.told) return '\n';
    this.told = id;
    return `id: ${id}\n\n`;
  }
}

function frame({ id, text }: LoggedEvent): string {
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
