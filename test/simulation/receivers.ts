import { WebhookSender } from '../../src/webhooks/webhook-sender.js';
import type { Ms, Scheduler } from './scheduler.js';

interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An attempt to deliver a webhook. */
export interface Attempt {
  readonly messageId: string;
  readonly at: Ms;
  /** 0: there was no answer. */
  readonly status: number;
}

type Exchange = (posting: Posting, signal: AbortSignal) => Promise<{ status: number }>;

/** Those who receive webhooks, in this process. */
export class Receivers {
  readonly attempts: Attempt[] = [];
  private status = 200;
  private afterMs: Ms = 0;

  constructor(private readonly scheduler: Scheduler) {}

  /** 0: they are silent until the sender gives up. */
  answerWith(status: number, afterMs: Ms): void {
    this.status = status;
    this.afterMs = afterMs;
  }

  /** Takes the place of the network; returns what undoes that. */
  install(): () => void {
    const sender = WebhookSender.prototype as unknown as { exchange: Exchange };
    const real = sender.exchange;
    if (typeof real !== 'function')
      throw new Error('WebhookSender has no exchange any more: see receivers.ts');
    sender.exchange = (posting, signal) => this.receive(posting, signal);
    return () => {
      sender.exchange = real;
    };
  }

  private receive({ headers }: Posting, signal: AbortSignal): Promise<{ status: number }> {
    const { status } = this;
    const messageId = headers['webhook-id'] ?? '';
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason as Error);
      if (signal.aborted) {
        abort();
        return;
      }
      // As a request of Node does.
      signal.addEventListener('abort', abort, { once: true });
      this.scheduler.after(this.afterMs, 'receive', () => {
        this.attempts.push({ messageId, at: this.scheduler.now, status });
        if (status === 0) return;
        signal.removeEventListener('abort', abort);
        resolve({ status });
      });
    });
  }
}
