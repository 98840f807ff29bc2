import { StoreUnavailable } from '../storage/task-store.js';

/** The error to throw after a completed write: a later outage must not claim `applied: false`. */
export function afterWrite(error: unknown): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  return new StoreUnavailable(error.message, 'unknown', { cause: error });
}
