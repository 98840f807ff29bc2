/** A message to a webhook receiver. */
export interface WebhookMessage {
  /** Identifies the message, for the receiver too: a repetition has the same id. 1 to 200 of `A-Z a-z 0-9 _ -`. */
  readonly id: string;
  /** The target: `http` or `https`, without user and password. */
  readonly url: string;
  /** The JSON body. Never contains the payload of a task. */
  readonly body: object;
  /** The queue of the message. Queues take turns, so that none delays the messages of another. */
  readonly source?: string;
}

/** Sends messages to webhook receivers, at least once, until a receiver accepts them or the retries end. */
export abstract class Webhooks {
  /**
   * Resolves when the message is durable; a crash does not lose it from then on. Call it after the commit that it
   * reports.
   *
   * @throws StoreUnavailable
   */
  abstract send(message: WebhookMessage): Promise<void>;
}
