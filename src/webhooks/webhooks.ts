/** Something that happened, to be told to an address. */
export interface WebhookMessage {
  /** Names the message, for the receiver too: the same id again is the same message. 1 to 200 of `A-Z a-z 0-9 _ -`. */
  readonly id: string;
  /** Where to: `http` or `https`, without user and password. */
  readonly url: string;
  /** What is sent, as JSON. Never the payload of a task. */
  readonly body: object;
  /** Whose message it is: a queue. Queues take turns, so that none holds up the messages of another. */
  readonly source?: string;
}

/** Tells addresses outside what happened, at least once, until they have taken it or the time for it is over. */
export abstract class Webhooks {
  /**
   * Resolves when the message is durable: it is delivered from then on, whatever process ends. To be called after the
   * commit that it tells of.
   *
   * @throws StoreUnavailable
   */
  abstract send(message: WebhookMessage): Promise<void>;
}
