import { StoreUnavailable } from '../storage/task-store.js';

/** What to throw for an error that comes after a write was made: it may say that nothing was applied, of itself. */
export function afterWrite(error: unknown): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  return new StoreUnavailable(error.message, 'unknown', { cause: error });
}
