import { stopwatch } from '../http/stopwatch.js';
import type { TaskStore } from '../storage/task-store.js';

const WRITES = ['insert', 'claim', 'replace'] as const;

export type WriteOperation = (typeof WRITES)[number];

/** Receives the milliseconds of each write, successful or not. Must not throw. */
export type WriteObserver = (operation: WriteOperation, milliseconds: number) => void;

/** Measures the writes of a store from now on by replacing its methods, so neither callers nor drivers depend on it. */
export function timeWrites(store: TaskStore, observe: WriteObserver): void {
  for (const operation of WRITES) {
    const write = store[operation].bind(store) as (...args: readonly unknown[]) => Promise<unknown>;
    const timed = (...args: readonly unknown[]): Promise<unknown> => {
      const startedAt = stopwatch();
      const end = () => {
        observe(operation, stopwatch() - startedAt);
      };
      const written = write(...args);
      // A separate branch: the caller gets the original promise.
      written.then(end, end);
      return written;
    };
    Object.defineProperty(store, operation, { value: timed, configurable: true, writable: true });
  }
}
