/** Whom a transition has to be told, and its event, written in the commit that made it. */
export interface Notice {
  /** Names it to the store. */
  readonly key: string;
  /** Whom: as `NoticeRule` said. */
  readonly to: string;
  /** The event as JSON. */
  readonly event: string;
}

/**
 * Notices that the store keeps until somebody has taken them on. One is written in the step that makes its transition,
 * so there is none without its transition, and no transition that should have one is without.
 */
export abstract class Outbox {
  /** Some of the oldest. Rejects with `StoreUnavailable` when the store is away. */
  abstract oldest(limit: number): Promise<readonly Notice[]>;

  /** Forgets them: they are kept elsewhere now. */
  abstract remove(notices: readonly Notice[]): Promise<void>;
}
