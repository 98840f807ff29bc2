import { Webhook } from 'standardwebhooks';
import type { Instant } from '../task/clock.js';

export interface SignedMessage {
  readonly id: string;
  readonly body: string;
}

/** Creates the headers of Standard Webhooks. */
export class WebhookSigner {
  private readonly keys: readonly Webhook[];

  /** @param secrets each one signs; without secrets, webhooks are unsigned */
  constructor(secrets: readonly string[]) {
    this.keys = secrets.map((secret) => new Webhook(secret));
  }

  headers({ id, body }: SignedMessage, now: Instant): Record<string, string> {
    const at = new Date(now);
    const signatures = this.keys.map((key) => key.sign(id, at, body)).join(' ');
    return {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now / 1000)),
      ...(signatures !== '' && { 'webhook-signature': signatures }),
    };
  }
}
