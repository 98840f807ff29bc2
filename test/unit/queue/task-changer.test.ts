import { TaskChanger } from '../../../src/queue/task-changer.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { cancel, create, redrive } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';
import { ReferenceData, ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

/** A store that counts its reads of single tasks, and lets something happen after a list was read. */
class WatchedStore extends ReferenceStore {
  finds = 0;
  afterList: () => Promise<void> = () => Promise.resolve();

  override find(id: string): Promise<Task | undefined> {
    this.finds += 1;
    return super.find(id);
  }

  constructor(...args: ConstructorParameters<typeof ReferenceStore>) {
    super(...args);
    const list = this.views.list.bind(this.views);
    this.views.list = async (query) => {
      const page = await list(query);
      await this.afterList();
      return page;
    };
  }
}

const clock = new FakeClock();
let store: WatchedStore;
let other: ReferenceStore;
let changer: TaskChanger;

beforeEach(() => {
  const data = new ReferenceData();
  store = new WatchedStore(clock, ROOMY, data);
  other = new ReferenceStore(clock, ROOMY, data);
  changer = new TaskChanger(store);
});

async function add(count: number, batchId = 'b'): Promise<void> {
  const specs = Array.from({ length: count }, (_, index) => spec({ id: `t${index}`, batchId }));
  await other.insert(specs.map((each) => ({ transition: create(each, clock.now()), payload: '' })));
}

function cancelAll(limit?: number): Promise<number> {
  const filter = { batchId: 'b', states: ['queued' as const], limit };
  return changer.changeMatching(filter, (task, now) => cancel(task, undefined, now));
}

async function states(): Promise<readonly string[]> {
  return (await other.views.list({ limit: 5_000 })).tasks.map(({ state }) => state);
}

describe('a change of all matching tasks', () => {
  it('reads each task once', async () => {
    await add(1_200);
    expect([await cancelAll(), store.finds]).toEqual([1_200, 0]);
    expect(new Set(await states())).toEqual(new Set(['cancelled']));
  });

  it.each([1, 499, 500, 501, 1_100])('changes %i tasks and no more with a limit', async (limit) => {
    await add(1_200);
    expect(await cancelAll(limit)).toBe(limit);
    expect((await states()).filter((state) => state === 'cancelled')).toHaveLength(limit);
  });

  it('reads a task again that changed after the list, and skips one that no longer matches', async () => {
    await add(3);
    store.afterList = async () => {
      store.afterList = () => Promise.resolve();
      const [written, reused] = [await other.find('t0'), await other.find('t1')];
      if (written === undefined || reused === undefined) throw new Error('The tasks are missing');
      for (const decide of [
        (task: Task) => cancel(task, undefined, clock.now()),
        (task: Task) => redrive(task, clock.now()),
      ]) {
        const task = await other.find('t0');
        await other.replace([task && decide(task)].flatMap((step) => step ?? []));
      }
      const end = cancel(reused, undefined, clock.now());
      await other.replace(end === undefined ? [] : [end]);
      const ended = await other.find('t1');
      await other.remove(ended === undefined ? [] : [ended]);
      clock.advance(1);
      const again = spec({ id: 't1', batchId: 'another' });
      await other.insert([{ transition: create(again, clock.now()), payload: '' }]);
    };
    expect(await cancelAll()).toBe(2);
    expect((await other.find('t0'))?.state).toBe('cancelled');
    expect((await other.find('t1'))?.state).toBe('queued');
  });

  it('reports possible changes when a later page cannot be read', async () => {
    await add(600);
    let lists = 0;
    store.afterList = () => {
      lists += 1;
      return lists === 2 ? Promise.reject(new StoreUnavailable('away', false)) : Promise.resolve();
    };
    await expect(cancelAll()).rejects.toMatchObject({ applied: 'unknown' });
  });
});
