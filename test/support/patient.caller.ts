import type { Caller } from '../../src/queue/caller.js';

/** A client that never hangs up, with a key that stays valid. */
export const PATIENT: Caller = {
  isGone: false,
  onGone: () => undefined,
  onAnswered: () => undefined,
  requireEntry: () => undefined,
};
