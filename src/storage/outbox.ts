/** A pending webhook: its addresses and its event. The store writes it in the commit of the transition. */
export interface OutboxEntry {
  /** The store's key of this entry. */
  readonly key: string;
  /** Addresses, as `addresseesOf` gives them. */
  readonly to: string;
  /** The event as JSON. */
  readonly event: string;
}

/**
 * Keeps pending webhooks until the courier has accepted them. An entry and its transition are written in one commit, so
 * neither exists without the other.
 */
export abstract class Outbox {
  /** Some of the oldest entries. Rejects with `StoreUnavailable` while the store is unavailable. */
  abstract oldest(limit: number): Promise<readonly OutboxEntry[]>;

  /** Removes entries that the courier has stored. */
  abstract remove(entries: readonly OutboxEntry[]): Promise<void>;
}
