import type { StoreSettings, TaskStore } from '../../src/storage/task-store.js';
import { StoreUser } from './store-user.js';
import type { FakeClock } from './task.builders.js';

/** One driver, opened on data of its own, with a clock that the test moves. */
export interface StoreHarness {
  /** The store as it is open now; another object after `reopen`. */
  readonly store: TaskStore;
  readonly clock: FakeClock;
  /** Whether it forgets the turns of groups and how full buckets are when it is opened again. */
  readonly isForgetful?: boolean;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<TaskStore>;
  /** Goes on with the data as they are, as after a kill: what the store would do at its end is not done. */
  crash(): Promise<TaskStore>;
  /** Closes the store, when it still is open, and deletes its data. */
  destroy(): Promise<void>;
}

/** What a driver has to say about its harness. */
export interface HarnessParts {
  readonly clock: FakeClock;
  /** Opens the same data, each time as a new process would. */
  readonly open: () => Promise<TaskStore>;
  readonly isForgetful?: boolean;
  /** Lets `open` find the data as they are while a store is open that nobody uses any more. */
  readonly abandon?: () => Promise<void>;
  /** Deletes the data, when it does not go by itself. */
  readonly dispose?: () => Promise<void>;
}

/** A harness around a driver that is opened like this. */
export async function harnessOf({
  clock,
  open,
  abandon,
  dispose,
  isForgetful = false,
}: HarnessParts): Promise<StoreHarness> {
  let store = await open();
  const abandoned: TaskStore[] = [];
  return {
    clock,
    isForgetful,
    get store() {
      return store;
    },
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async crash() {
      abandoned.push(store);
      await abandon?.();
      store = await open();
      return store;
    },
    async destroy() {
      for (const each of [...abandoned, store]) await each.close();
      await dispose?.();
    },
  };
}

export interface OpenOptions {
  readonly settings?: Partial<StoreSettings>;
}

/** How a driver is opened for one test. */
export type OpenStore = (options: OpenOptions) => Promise<StoreHarness>;

/** Settings under which nothing ends by itself within a test. */
export const ROOMY: StoreSettings = {
  retention: 86_400,
  retentionMaxTasks: 1_000_000,
  retentionMaxBytes: 1_000_000_000_000,
};

/** Opens a store for the test that calls it. */
export type StartStore = (settings?: Partial<StoreSettings>) => Promise<StoreUser>;

/** Lets the tests of a `describe` open stores, and destroys them after each test. */
export function useStores(open: OpenStore): StartStore {
  const opened: StoreHarness[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((harness) => harness.destroy()));
  });
  return async (settings) => {
    const harness = await open({ settings });
    opened.push(harness);
    return new StoreUser(harness);
  };
}
