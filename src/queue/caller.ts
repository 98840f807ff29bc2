/** The connection of a claim, and its key. */
export interface Caller {
  /**
   * Whether the connection closed before the whole response was written, or the key is no longer valid or has lost
   * permissions.
   */
  readonly isGone: boolean;
  /** Calls back, once, when that happens; at once if it has happened. */
  onGone(callback: () => void): void;
  /** @throws ProblemError when the key is no longer valid or has lost permissions */
  requireEntry(): void;
  /** Calls back, once, with whether the whole response was written. A problem does not count as a response. */
  onAnswered(callback: (isWhole: boolean) => void): void;
}
