import type { StoreSettings } from '../../src/storage/task-store.js';
import { dueAt } from '../../src/task/task.machine.js';
import type { Task } from '../../src/task/task.js';
import { contentsOf } from '../support/store-contents.js';
import { StoreFeed } from '../support/store-feed.js';
import { ROOMY, type StoreHarness } from '../support/store-harness.js';
import { StoreUser } from '../support/store-user.js';
import { ReferenceData, ReferenceStore } from './reference-store.js';

/** Few ended tasks are kept, so that the limit matters within a run. */
const LIMITED: StoreSettings = { ...ROOMY, retention: 30, retentionMaxTasks: 3 };
const UNLIMITED: StoreSettings = { ...ROOMY, retention: 30 };

/** What the store under test must look like, and what the commands remember. */
export class Model {
  readonly settings: StoreSettings;
  /** Tasks as they were read some time ago. */
  readonly read: Task[] = [];
  leases = 0;
  payloads = 0;
  store: ReferenceStore;
  readonly feed: StoreFeed;
  private readonly data = new ReferenceData();

  constructor(
    readonly hasLimits: boolean,
    private readonly clock: StoreHarness['clock'],
  ) {
    this.settings = settingsFor(hasLimits);
    this.store = new ReferenceStore(clock, this.settings, this.data);
    this.feed = new StoreFeed(this.store);
  }

  async reopen(isForgetful = false): Promise<void> {
    await this.store.close();
    if (isForgetful) this.data.forget(this.clock.now());
    this.store = new ReferenceStore(this.clock, this.settings, this.data);
    this.feed.listenTo(this.store);
  }
}

/** The store under test. */
export class Real {
  readonly feed: StoreFeed;

  constructor(readonly harness: StoreHarness) {
    this.feed = new StoreFeed(harness.store);
  }
}

export function settingsFor(hasLimits: boolean): StoreSettings {
  return hasLimits ? LIMITED : UNLIMITED;
}

/** Compares everything that both stores show, then lets a millisecond pass, so that few tasks end at one instant. */
export async function compareAll(model: Model, { harness }: Real): Promise<void> {
  const { due, ...contents } = await contentsOf(harness.store);
  const { due: expectedDue, ...expected } = await contentsOf(model.store);
  expect(contents).toEqual(expected);
  expect(due.length).toBe(expectedDue.length);
  expect(await deadlines(model, due)).toEqual(await deadlines(model, expectedDue));
  harness.clock.advance(1);
}

/** When each task was or will be due: of several that ended at one instant, any may be over the limit. */
async function deadlines(model: Model, ids: readonly string[]): Promise<readonly string[]> {
  const tasks = await Promise.all(ids.map((id) => model.store.find(id)));
  const now = model.store.clock.now();
  return tasks
    .filter((task) => task !== undefined)
    .map((task) => {
      const due = dueAt(task, model.settings.retention);
      return due && due.at <= now[due.scale] ? task.spec.id : `ended, due at ${due?.at}`;
    })
    .toSorted();
}

/** Both stores must have told the same transitions of each task. The ids are each store's own. */
export async function compareFeeds(model: Model, real: Real): Promise<void> {
  await model.feed.settle(new StoreUser({ ...real.harness, store: model.store }));
  await real.feed.settle(new StoreUser(real.harness));
  const ids = real.feed.told.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].toSorted((one, other) => one - other));
  expect(transitionsById(real.feed)).toEqual(transitionsById(model.feed));
}

function transitionsById(feed: StoreFeed) {
  const taskIds = [...new Set(feed.told.map(({ task }) => task.spec.id))].toSorted();
  return taskIds.map((taskId) => feed.of(taskId).map(({ id: _, ...step }) => step));
}
