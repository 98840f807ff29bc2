/** A pending webhook: its addresses and its event. The store writes it in the commit of the transition. */
export interface Notice {
  /** The store's key of this notice. */
  readonly key: string;
  /** Addresses, as `NoticeRule` gives them. */
  readonly to: string;
  /** The event as JSON. */
  readonly event: string;
}

/**
 * Keeps notices until the courier has accepted them. A notice and its transition are written in one commit, so neither
 * exists without the other.
 */
export abstract class Outbox {
  /** Some of the oldest notices. Rejects with `StoreUnavailable` while the store is unavailable. */
  abstract oldest(limit: number): Promise<readonly Notice[]>;

  /** Removes notices that the courier has stored. */
  abstract remove(notices: readonly Notice[]): Promise<void>;
}
