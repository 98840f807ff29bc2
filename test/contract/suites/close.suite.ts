import type { DocumentStore } from '../../../src/storage/document-store.js';
import type { FormerTaskStore } from '../../../src/storage/former-names.js';
import type { QueueSettingsStore } from '../../../src/storage/queue-settings-store.js';
import { type TaskStore, StoreUnavailable } from '../../../src/storage/task-store.js';
import type { TaskViews } from '../../../src/storage/task-views.js';
import type { StartStore } from '../../support/store-harness.js';
import { idsOf, type StoreUser } from '../../support/store-user.js';
import { cancel } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';

/** The names of the methods that return promises. */
type CallOf<T> = {
  [Name in keyof T]: T[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof T];

type Calls<T> = Readonly<Record<CallOf<T>, (part: T) => Promise<unknown>>>;

/** Methods that read nothing. */
type Excepted = 'close' | 'confirm' | 'latestGeneration' | keyof FormerTaskStore;

/** Every method of the port that returns a promise, by part; the compiler checks that none is missing. */
function callsOf(user: StoreUser, task: Task) {
  const transition = cancel(task, undefined, user.now);
  const tasks: Omit<Calls<TaskStore>, Excepted> = {
    insert: (store) => store.insert([user.newTask({ id: 'new' })]),
    restore: (store) => store.restore([{ task, payload: '', attempts: [] }]),
    find: (store) => store.find('task-1'),
    findPayload: (store) => store.findPayload('task-1'),
    findOutput: (store) => store.findOutput('task-1'),
    findAttempts: (store) => store.findAttempts('task-1'),
    findCheckpoint: (store) => store.findCheckpoint('task-1'),
    claim: (store) => store.claim(user.request()),
    replace: (store) => store.replace(transition ? [transition] : []),
    remove: (store) => store.remove([task]),
    clear: (store) => store.clear({}),
    due: (store) => store.due(1),
    untilDue: (store) => store.untilDue(),
  };
  const settings: Calls<QueueSettingsStore> = {
    of: (part) => part.of('default'),
    all: (part) => part.all(),
    change: (part) => part.change('default', { maxDepth: 1 }),
    untilAllowed: (part) => part.untilAllowed('default'),
  };
  const views: Calls<TaskViews> = {
    list: (part) => part.list({ limit: 1 }),
    counts: (part) => part.counts(),
    countQueue: (part) => part.countQueue('default'),
    totals: (part) => part.totals(),
    depth: (part) => part.depth('default'),
    countBatch: (part) => part.countBatch('b'),
    position: (part) => part.position(task),
  };
  const documents: Calls<DocumentStore> = {
    get: (part) => part.get('lock', 'a'),
    put: (part) => part.put('lock', { id: 'a', text: '{}', expected: 0 }),
    remove: (part) => part.remove('lock', 'a', 1),
    list: (part) => part.list('lock', { limit: 1 }),
    version: (part) => part.version('lock'),
  };
  const on = (partOf: (store: TaskStore) => object, calls: object) =>
    Object.entries(calls as Record<string, (part: object) => Promise<unknown>>).map(
      ([name, call]) => [name, (store: TaskStore) => call(partOf(store))] as const,
    );
  return [
    ...on((store) => store, tasks),
    ...on((store) => store.settings, settings),
    ...on((store) => store.views, views),
    ...on((store) => store.documents, documents),
  ];
}

export function describeClose(start: StartStore): void {
  it('makes every later call reject with StoreUnavailable, and nothing is applied', async () => {
    const user = await start();
    const [task] = await user.add({});
    const closed = user.store;
    await closed.close();
    for (const [name, call] of callsOf(user, task)) {
      const answer = await call(closed).then(
        () => `${name} was answered`,
        (error: unknown) => error,
      );
      expect(answer).toBeInstanceOf(StoreUnavailable);
      expect(answer).toMatchObject({ code: 'store_unavailable', applied: false });
    }
    await user.harness.reopen();
    expect(await user.list()).toEqual([task]);
  });

  it('refuses calls from the moment it is asked to', async () => {
    const user = await start();
    const closing = user.store.close();
    await expect(user.store.insert([user.newTask({})])).rejects.toBeInstanceOf(StoreUnavailable);
    await closing;
    await user.harness.reopen();
    expect(await user.list()).toEqual([]);
  });

  it('waits for the writes under way', async () => {
    const user = await start();
    const [queued, other] = await user.add({ id: 'queued' }, { id: 'other', queue: 'q' });
    const transition = cancel(other, undefined, user.now);
    let settled = 0;
    const writes: readonly Promise<unknown>[] = [
      user.store.insert(
        Array.from({ length: 200 }, (_, index) => user.newTask({ id: `t${index}`, queue: 'r' })),
      ),
      user.take(),
      user.store.replace(transition ? [transition] : []),
    ];
    const counted = writes.map((write) => write.then(() => settled++));
    await user.store.close();
    await Promise.all(counted);
    expect(settled).toBe(3);
    await user.harness.reopen();
    expect((await user.find(queued.spec.id)).state).toBe('processing');
    expect((await user.find('other')).state).toBe('cancelled');
    expect(idsOf(await user.list({ queues: ['r'], limit: 500 }))).toHaveLength(200);
  });

  it('is no failure', async () => {
    const user = await start();
    const { failure } = user.store;
    await user.add({});
    await user.store.close();
    const alive = Symbol('no failure');
    expect(await Promise.race([failure, new Promise((resolve) => setImmediate(resolve, alive))])).toBe(alive);
  });

  it('ends the time when the store is available, at once; another opening is available', async () => {
    const user = await start();
    const { store } = user;
    expect(store.isAvailable).toBe(true);
    const closing = store.close();
    expect(store.isAvailable).toBe(false);
    await closing;
    expect(store.isAvailable).toBe(false);
    expect((await user.harness.reopen()).isAvailable).toBe(true);
  });

  it('can be called twice', async () => {
    const user = await start();
    await Promise.all([user.store.close(), user.store.close()]);
    await user.store.close();
  });

  it('keeps the clock of the store', async () => {
    const user = await start();
    expect(user.store.clock.now()).toEqual(user.now);
    user.clock.advance(5);
    expect(user.store.clock.now()).toEqual(user.now);
  });
}
