/** The connection that a claim is made for. */
export interface Caller {
  /** It closed before its answer was written in full. */
  readonly isGone: boolean;
  /** Calls back, once, when that happens; at once when it has happened. */
  onGone(callback: () => void): void;
}
