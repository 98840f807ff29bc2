import { stopwatch } from '../http/stopwatch.js';
import type { TaskStore } from '../storage/task-store.js';

const WRITES = ['insert', 'claim', 'replace'] as const;

export type WriteOperation = (typeof WRITES)[number];

/** Is told how many milliseconds a write took, whether it came off or not. Must not throw. */
export type WriteObserver = (operation: WriteOperation, milliseconds: number) => void;

/**
 * Measures the writes of a store from now on, in its own place: everybody who holds the store is measured, and neither
 * they nor the drivers need to know of it.
 */
export function timeWrites(store: TaskStore, observe: WriteObserver): void {
  for (const operation of WRITES) {
    const write = store[operation].bind(store) as (items: unknown) => Promise<unknown>;
    const timed = (items: unknown): Promise<unknown> => {
      const startedAt = stopwatch();
      const end = () => {
        observe(operation, stopwatch() - startedAt);
      };
      const written = write(items);
      // A branch of its own: the caller gets the promise of the store itself.
      written.then(end, end);
      return written;
    };
    Object.defineProperty(store, operation, { value: timed, configurable: true, writable: true });
  }
}
