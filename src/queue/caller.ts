/** The connection that a claim is made for, and the key that it is made with. */
export interface Caller {
  /** It closed before its answer was written in full, or the key no longer opens what was asked for. */
  readonly isGone: boolean;
  /** Calls back, once, when that happens; at once when it has happened. */
  onGone(callback: () => void): void;
  /** Calls back, once, with whether the answer was written in full, when that is known. A problem is no answer. */
  onAnswered(callback: (isWhole: boolean) => void): void;
}
