/** The connection that a claim is made for, and the key that it is made with. */
export interface Caller {
  /** It closed before its answer was written in full, or its key is not valid any more, or may do less than then. */
  readonly isGone: boolean;
  /** Calls back, once, when that happens; at once when it has happened. */
  onGone(callback: () => void): void;
  /** @throws ProblemError when it is gone because its key is not valid any more, or may do less than then */
  requireEntry(): void;
  /** Calls back, once, with whether the answer was written in full, when that is known. A problem is no answer. */
  onAnswered(callback: (isWhole: boolean) => void): void;
}
