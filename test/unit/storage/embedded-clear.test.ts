import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClearMarks } from '../../../src/storage/embedded/clear-marks.js';
import { Commits } from '../../../src/storage/embedded/commits.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { ensureFile, openFile, openTable } from '../../../src/storage/embedded/lmdb-file.js';
import { QueueFiles } from '../../../src/storage/embedded/queue-files.js';
import { RankedSet } from '../../../src/storage/embedded/ranked-set.js';
import { TaskIndex } from '../../../src/storage/embedded/task-index.js';
import { TaskReclaimer } from '../../../src/storage/embedded/task-reclaimer.js';
import type { TaskStore } from '../../../src/storage/task-store.js';
import { complete } from '../../../src/task/task.machine.js';
import { contentsOf, totalOf } from '../../support/store-contents.js';
import { ROOMY } from '../../support/store-harness.js';
import { StoreUser } from '../../support/store-user.js';
import { FakeClock } from '../../support/task.builders.js';

const TASKS = 700;
const ids = Array.from({ length: TASKS }, (_, index) => `t${index}`);

let root: string;
const opened: EmbeddedTaskStore[] = [];
const clock = new FakeClock();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'crucible-clear-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(root, { recursive: true, force: true });
});

async function open(name: string): Promise<EmbeddedTaskStore> {
  const store = await EmbeddedTaskStore.open({ directory: join(root, name), clock, settings: ROOMY });
  opened.push(store);
  return store;
}

function userOf(store: EmbeddedTaskStore): StoreUser {
  const none = () => Promise.reject(new Error('Not in this test'));
  return new StoreUser({ store, clock, reopen: none, crash: none, destroy: none });
}

/** The data as a kill at this moment leaves them. */
async function crashOf(name: string, copy: string): Promise<void> {
  await cp(join(root, name), join(root, copy), { recursive: true });
}

async function fill(user: StoreUser, code: string): Promise<void> {
  const items = ids.map((id) =>
    user.newTask({ id, batchId: 'b', queue: `q${id.length}` }, `"code":"${code}"`),
  );
  expect(await user.store.insert(items)).toEqual(ids.map(() => undefined));
}

async function batchOf(store: TaskStore): Promise<Record<string, unknown>> {
  return Object.fromEntries((await store.views.countBatch('b')).map(({ queue, counts }) => [queue, counts]));
}

/** Records in the file, also of what is out of sight. */
async function recordsIn(name: string): Promise<Record<string, number>> {
  const file = openFile(join(root, name), { isInPieces: false });
  const tables = ['numbers', 'tasks', 'payloads', 'outputs', 'attempts', 'batchTasks', 'clears'];
  const counts = tables.map((table) => [table, openTable(file, table, {}).getCount()] as const);
  await file.close();
  return Object.fromEntries(counts);
}

describe('clearing the embedded store', () => {
  it('is whole after a kill at any moment, and takes nothing of what is enqueued under the same ids', async () => {
    const user = userOf(await open('a'));
    await fill(user, 'old');
    await user.take({ queues: ['q4'], max: 50, claimId: 'c' });
    const clearing = user.store.clear({});
    // The ids are free as soon as the clear has been answered, while most of the old records are still there.
    expect(await clearing).toBe(TASKS);
    await crashOf('a', 'right after');
    await fill(user, 'new');
    const contents = await contentsOf(user.store);
    await crashOf('a', 'with new ones');
    await opened[0]?.reclaimed();
    expect(await contentsOf(user.store)).toEqual(contents);
    await crashOf('a', 'reclaimed');

    expect(await totalOf(await open('right after'))).toBe(0);
    for (const copy of ['with new ones', 'reclaimed']) {
      const store = await open(copy);
      expect(await contentsOf(store)).toEqual(contents);
      await store.reclaimed();
      expect(await contentsOf(store)).toEqual(contents);
      expect(await store.findPayload('t0')).toBe('"code":"new"');
      expect(await batchOf(store)).toEqual(await batchOf(user.store));
      await store.close();
      const kept = { numbers: TASKS, tasks: TASKS, payloads: TASKS, batchTasks: TASKS };
      expect(await recordsIn(copy)).toMatchObject({ ...kept, attempts: 0, clears: 0 });
    }
  });

  it('leaves nothing in the file, and goes on where a stop has left it', async () => {
    const store = await open('a');
    const user = userOf(store);
    await fill(user, 'old');
    await user.complete(await user.takeOne({ queues: ['q2'] }), '"output"');
    expect(await store.clear({})).toBe(TASKS);
    await store.close();
    expect(await recordsIn('a')).toMatchObject({ clears: 1 });
    const again = await open('a');
    expect(await contentsOf(again)).toMatchObject({ tasks: [], counts: [], generation: 1 });
    await again.reclaimed();
    await again.close();
    expect(new Set(Object.values(await recordsIn('a')))).toEqual(new Set([0]));
  });

  it('takes only what matched when it was decided, also after a kill', async () => {
    const store = await open('a');
    const user = userOf(store);
    await user.add(
      { id: 'done', batchId: 'b' },
      { id: 'held', batchId: 'b' },
      { id: 'waiting', batchId: 'b' },
    );
    await user.complete(await user.takeOne());
    const held = await user.takeOne();
    expect(await store.clear({ states: ['completed'], queues: ['default'] })).toBe(1);
    await user.write(complete(held, { leaseId: held.lease.id }, user.now));
    await crashOf('a', 'killed');
    await store.reclaimed();
    for (const each of [store, await open('killed')]) {
      expect((await userOf(each).list()).map(({ spec }) => spec.id)).toEqual(['waiting', 'held']);
      expect(await each.views.countBatch('b')).toMatchObject([{ counts: { completed: 1, queued: 1 } }]);
    }
  });

  it('stacks: a clear while another one is being reclaimed takes what came in between', async () => {
    const store = await open('a');
    const user = userOf(store);
    for (let round = 0; round < 4; round += 1) {
      await fill(user, `round ${round}`);
      expect(await store.clear(round % 2 === 0 ? { queues: ['q2', 'q3', 'q4'] } : {})).toBe(TASKS);
    }
    await crashOf('a', 'killed');
    expect(await totalOf(await open('killed'))).toBe(0);
    await store.reclaimed();
    await store.close();
    expect(new Set(Object.values(await recordsIn('a')))).toEqual(new Set([0]));
  });

  it('takes any number of queues, and tells once that any of them may go on', async () => {
    const store = await open('a');
    const user = userOf(store);
    const told: (string | undefined)[] = [];
    const nothing = () => undefined;
    store.watch({
      onTransitions: nothing,
      onGap: nothing,
      onLimitsRelaxed: (queue) => void told.push(queue),
    });
    await user.add({ id: 'a', queue: 'a' }, { id: 'b', queue: 'b' }, { id: 'c', queue: 'c' });
    expect(await store.clear({ queues: ['a'] })).toBe(1);
    expect(await store.clear({})).toBe(2);
    expect(told).toEqual(['a', undefined]);
  });

  it('does not rest for as long as a clock jumps', async () => {
    const store = await open('a');
    await fill(userOf(store), 'old');
    await store.clear({});
    clock.advanceSeconds(86_400);
    await store.close();
    expect(await recordsIn('a')).toMatchObject({ clears: 1 });
  });
});

describe('what was cleared', () => {
  it('may be of more queues than fit into the arguments of a call', async () => {
    const marks = new ClearMarks();
    await ensureFile(root);
    const files = new QueueFiles(root, marks);
    const index = new TaskIndex(ROOMY, marks);
    const reclaimer = new TaskReclaimer(files, index, new Commits(files, index), marks, clock);
    const sets = Array.from({ length: 300_000 }, () => new RankedSet());
    reclaimer.add(sets);
    await files.write(() => {
      files.putClear(1, {});
    });
    marks.add(1, {});
    reclaimer.start();
    await reclaimer.idle();
    expect(marks.latest).toBe(0);
    await files.close();
  });
});
