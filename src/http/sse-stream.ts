import type { ServerResponse } from 'node:http';
import { onHangUp } from './raw-reply.js';

/** Milliseconds before a client reconnects. */
const RETRY_MS = 2_000;

export interface SseOptions {
  /** Milliseconds between two keep-alives. */
  readonly heartbeatMs: number;
  /** Milliseconds that the reader can leave data unread. */
  readonly slowMs: number;
  /** Whether the reader still has permission. */
  readonly mayRead: () => boolean;
  /** The text of a keep-alive. */
  readonly keepAlive: () => string;
  /** Writes everything that is available. Runs once after one or more calls of `wake`. The stream ends if it throws. */
  readonly readOn: () => Promise<void>;
  /** Called once, when the stream ends. */
  readonly onEnd: () => void;
}

/** Sets the headers of server-sent events; without the second, proxies buffer the response. */
export function setSseHeaders(response: ServerResponse): void {
  response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
  response.setHeader('X-Accel-Buffering', 'no');
}

/**
 * A response of server-sent events, written at the speed of its reader: a write waits until the connection can take
 * more data. A reader that leaves data unread too long is disconnected.
 */
export class SseStream {
  private isBegun = false;
  private isBusy = false;
  private isWoken = false;
  private isEnded = false;
  private heartbeat: NodeJS.Timeout | undefined;
  /** Ends the wait for the connection to drain. */
  private release: () => void = () => undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: SseOptions,
  ) {}

  /** Reads on, now or after the current write. Before `begin` it has no effect. */
  readonly wake = (): void => {
    this.isWoken = true;
    if (this.isBegun && !this.isBusy && !this.isEnded) void this.run();
  };

  /** Writes the headers and the text, and reads on. */
  begin(text = ''): void {
    onHangUp(this.response, () => {
      this.end();
    });
    setSseHeaders(this.response);
    this.response.write(`retry: ${RETRY_MS}\n\n${text}`);
    this.isBegun = true;
    this.heartbeat = setInterval(() => {
      this.beat();
    }, this.options.heartbeatMs);
    this.wake();
  }

  /** Whether to write more. Ends the stream of a reader that lost its permission. */
  mayContinue(): boolean {
    if (!this.isEnded && !this.options.mayRead()) this.end();
    return !this.isEnded;
  }

  /** Resolves when the connection can take more data, or the stream has ended. */
  async write(text: string): Promise<void> {
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

  /** Ends the response if the stream has begun. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    clearInterval(this.heartbeat);
    if (this.isBegun) this.response.end();
    this.options.onEnd();
    this.release();
  }

  /** Data in flight serves as a keep-alive. */
  private beat(): void {
    if (this.mayContinue() && !this.isBusy) this.response.write(this.options.keepAlive());
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    try {
      while (this.isWoken && !this.isEnded) {
        this.isWoken = false;
        await this.options.readOn();
      }
    } catch {
      // The rest is only in the store, and the store is unavailable. The client reconnects, here or elsewhere.
      this.end();
    }
    this.isBusy = false;
  }
}
