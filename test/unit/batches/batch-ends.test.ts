import { ANYONE } from '../../../src/auth/principal.js';
import type { FinishedBatch } from '../../../src/batches/batch.js';
import { BatchEvents } from '../../../src/batches/batch-events.js';
import { BatchRegister } from '../../../src/batches/batch-register.js';
import { BatchService } from '../../../src/batches/batch.service.js';
import { BatchStore } from '../../../src/batches/batch-store.js';
import { BatchSweeper } from '../../../src/batches/batch-sweeper.js';
import { BatchChecker } from '../../../src/batches/batch-checker.js';
import { loadConfig } from '../../../src/config/config.js';
import { openParking } from '../../../src/queue/parking.module.js';
import { TaskChanger } from '../../../src/queue/task-changer.js';
import type { DocumentStore } from '../../../src/storage/document-store.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { cancel, create, redrive } from '../../../src/task/task.machine.js';
import { ReferenceData, ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';
import { PATIENT } from '../../support/patient.caller.js';

/** Is called before each read and write of a process, and so decides what others do in between. */
type Between = () => Promise<void>;

/** A store whose reads of documents and counts, and writes of documents, wait for what the test lets happen first. */
class StagedStore extends ReferenceStore {
  between: Between = () => Promise.resolve();

  stage(): this {
    const { documents } = this;
    const { get, put } = documents;
    const staged: Pick<DocumentStore, 'get' | 'put'> = {
      get: async (...args) => {
        await this.between();
        return get.apply(documents, args);
      },
      put: async (...args) => {
        await this.between();
        return put.apply(documents, args);
      },
    };
    Object.assign(documents, staged);
    const countBatch = this.views.countBatch.bind(this.views);
    this.views.countBatch = async (id, queues) => {
      await this.between();
      return countBatch(id, queues);
    };
    return this;
  }
}

/** All that a process of the service does with batches. */
function processAt(store: StagedStore) {
  const events = new BatchEvents();
  const batches = new BatchStore(store.documents);
  const service = new BatchService(store, batches, new TaskChanger(store), events);
  const checker = new BatchChecker(store, service, openParking(loadConfig({})));
  const register = new BatchRegister(batches, service, checker, store);
  return { store, events, batches, service, checker, register };
}

let clock: FakeClock;
let data: ReferenceData;
let one: ReturnType<typeof processAt>;
let other: ReturnType<typeof processAt>;
let told: FinishedBatch[];

beforeEach(() => {
  begin();
});

afterEach(() => end());

function begin(): void {
  clock = new FakeClock();
  data = new ReferenceData();
  one = processAt(new StagedStore(clock, ROOMY, data).stage());
  other = processAt(new StagedStore(clock, ROOMY, data).stage());
  told = [];
  for (const { events } of [one, other]) events.onDone((batch) => told.push(batch));
}

async function end(): Promise<void> {
  await Promise.all([one, other].map(({ checker }) => checker.onApplicationShutdown()));
}

async function insert(at: typeof one, id: string): Promise<void> {
  const transition = create(spec({ id, batchId: 'b' }), clock.now());
  expect(await at.store.insert([{ transition, payload: '' }])).toEqual([undefined]);
}

const OPENING = { id: 'b', options: {}, queues: [spec({}).queue], principal: ANYONE };

/** A bulk request with these tasks. */
async function enqueue(at: typeof one, ...ids: readonly string[]): Promise<void> {
  await at.register.fill([OPENING], async () => {
    for (const id of ids) await insert(at, id);
    return { result: undefined, grown: new Set(ids.length === 0 ? [] : ['b']) };
  });
}

async function change(at: typeof one, id: string, decide: typeof redrive | typeof cancel): Promise<void> {
  const task = await at.store.find(id);
  if (task === undefined) throw new Error(`There is no ${id}`);
  const transition = decide === cancel ? cancel(task, undefined, clock.now()) : redrive(task, clock.now());
  expect(await at.store.replace(transition ? [transition] : [])).toEqual([true]);
}

const finish = (at: typeof one, id: string) => change(at, id, cancel);

async function settled(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await Promise.all([one.checker.run(), other.checker.run()]);
}

/** Lets `steps` happen before these calls of the store by `at`, one before each. */
function interleave(
  at: typeof one,
  steps: readonly (() => Promise<void>)[],
  calls: readonly number[],
): () => Promise<void> {
  let call = 0;
  let done = 0;
  const rest = async (limit: number) => {
    while (done < steps.length && (calls[done] ?? 0) <= limit) await steps[done++]?.();
  };
  at.store.between = async () => {
    call += 1;
    await rest(call);
  };
  return () => rest(Infinity);
}

/** Every way in which `count` steps fall between the first `calls` calls. */
function placements(count: number, calls: number): number[][] {
  if (count === 0) return [[]];
  return placements(count - 1, calls).flatMap((before) =>
    Array.from({ length: calls }, (_, index) => index + 1)
      .filter((call) => call >= (before.at(-1) ?? 1))
      .map((call) => [...before, call]),
  );
}

/** More calls than a look at a batch makes. */
const CALLS = 9;

describe('the end of a batch', () => {
  it('is told when its tasks had ended before anybody noted the batch', async () => {
    await insert(one, 't1');
    await finish(one, 't1');
    await settled();
    expect(told).toEqual([]);
    await enqueue(one);
    await settled();
    expect(told).toMatchObject([{ id: 'b', counts: { cancelled: 1 } }]);
  });

  it('is reported when the bulk request that opened the batch fails as a whole', async () => {
    await insert(one, 't1');
    await finish(one, 't1');
    const outage = new StoreUnavailable('away', 'unknown');
    await expect(one.register.fill([OPENING], () => Promise.reject(outage))).rejects.toBe(outage);
    await settled();
    expect(told).toMatchObject([{ id: 'b', counts: { cancelled: 1 } }]);
  });

  it('is reported when a repeated enqueue adds the queue of a task that has ended already', async () => {
    const [{ queue }, elsewhere] = [spec({}), { ...OPENING, queues: ['other'] }];
    const join = (fails: boolean) =>
      one.register.join('b', OPENING, async () => {
        if (fails) {
          await one.register.fill([elsewhere], () => Promise.resolve({ result: 0, grown: new Set() }));
          await insert(one, 't1');
          one.store.between = () => Promise.reject(new StoreUnavailable('away', false));
        }
      });
    await expect(join(true)).rejects.toMatchObject({ applied: 'unknown' });
    one.store.between = () => Promise.resolve();
    await finish(one, 't1');
    await settled();
    expect(told).toEqual([]);
    await join(false);
    await settled();
    expect((await one.batches.find('b')).batch?.queues).toEqual(['other', queue]);
    expect(told).toMatchObject([{ id: 'b', counts: { cancelled: 1 } }]);
  });

  it('is reported when another batch of the same bulk request cannot be opened', async () => {
    await insert(one, 't1');
    await finish(one, 't1');
    const find = one.batches.find.bind(one.batches);
    one.batches.find = (id) => (id === 'c' ? Promise.reject(new StoreUnavailable('away', false)) : find(id));
    await expect(
      one.register.fill([{ ...OPENING, id: 'c' }, OPENING], () => Promise.reject(new Error('Not reached'))),
    ).rejects.toThrow('away');
    await settled();
    expect(told).toMatchObject([{ id: 'b', counts: { cancelled: 1 } }]);
  });

  it('is reported when the last task ends in a request that the shutdown waits for', async () => {
    await enqueue(one, 't1');
    await settled();
    one.checker.onModuleDestroy();
    await finish(one, 't1');
    await one.checker.onApplicationShutdown();
    expect(told).toHaveLength(1);
  });

  it('is told by the first sweep after the process that marked it crashed', async () => {
    await enqueue(one, 't1');
    await settled();
    await finish(one, 't1');
    one.events.done = () => new Promise(() => undefined);
    void one.checker.run();
    while ((await other.batches.find('b')).batch?.doneAt === undefined) continue;
    expect(told).toEqual([]);
    await new BatchSweeper(other.batches, other.service, clock, loadConfig({})).sweep();
    expect(told).toHaveLength(1);
    one = processAt(new StagedStore(clock, ROOMY, data));
  });

  const growth = {
    'a task that joins and ends': [() => enqueue(other, 't2'), () => finish(other, 't2')],
    'a task that joins by itself and ends': [() => insert(other, 't2'), () => finish(other, 't2')],
    'a task that is redriven and ends': [() => change(other, 't1', redrive), () => finish(other, 't1')],
    'a task that joins here, and ends there': [() => enqueue(one, 't2'), () => finish(other, 't2')],
  };

  it.each(Object.entries(growth))(
    'is told with all that had joined by then, wherever this comes between: %s',
    async (_, steps) => {
      for (const calls of placements(steps.length, CALLS)) {
        await end();
        begin();
        await enqueue(one, 't1');
        await settled();
        await finish(one, 't1');
        clock.advance(1_000);
        const before = steps.map((step, index) => async () => {
          // What one process adds is not held up by what it does for itself.
          const { between } = one.store;
          one.store.between = () => Promise.resolve();
          await step();
          one.store.between = between;
          clock.advance(index + 1);
        });
        const rest = interleave(one, before, calls);
        await one.checker.run();
        await rest();
        one.store.between = () => Promise.resolve();
        await settled();
        const { batch } = await one.batches.find('b');
        const total = (await one.store.views.list({ batchId: 'b', limit: 10 })).tasks.length;
        const state = { calls, ends: told.length, doneAt: batch?.doneAt, isTold: batch?.isTold };
        expect({ ...state, cancelled: told.at(-1)?.counts.cancelled, last: told.at(-1)?.doneAt }).toEqual({
          ...state,
          isTold: true,
          cancelled: total,
          last: batch?.doneAt,
        });
        // Each end has a name of its own.
        expect(new Set(told.map(({ doneAt }) => doneAt)).size).toBe(told.length);
        for (const { counts } of told) expect(counts.queued).toBe(0);
      }
    },
  );

  it('is not told while a task is there that joined before the mark', async () => {
    await enqueue(one, 't1');
    await settled();
    await finish(one, 't1');
    // Document, counts, and then the mark: the task is durable before the mark, and its producer has not looked yet.
    const rest = interleave(one, [() => insert(other, 't2')], [3]);
    await one.checker.run();
    await rest();
    expect(told).toEqual([]);
    expect((await one.batches.find('b')).batch).not.toHaveProperty('doneAt');
  });

  it('is told once when two processes see it, and nothing joins', async () => {
    await enqueue(one, 't1');
    await settled();
    await finish(other, 't1');
    for (let call = 1; call <= CALLS; call += 1) {
      interleave(
        one,
        [
          async () => {
            await other.service.settle('b');
          },
        ],
        [call],
      );
      await one.service.settle('b');
    }
    await settled();
    expect(told).toHaveLength(1);
  });

  it('is told again after a redrive, whatever process dies after it', async () => {
    await enqueue(one, 't1');
    await finish(one, 't1');
    await settled();
    const [first] = told;
    clock.advance(5_000);
    // The process that redrives knows it, and ends before it can do anything about it.
    const gone = processAt(new StagedStore(clock, ROOMY, data));
    await change(gone, 't1', redrive);
    clock.advance(5_000);
    await finish(one, 't1');
    await one.checker.run();
    expect(told).toHaveLength(2);
    expect(told[1]?.doneAt).toBe((first?.doneAt ?? 0) + 10_000);
    await gone.checker.onApplicationShutdown();
  });

  it('is told again when the first one was noted under a clock that was ahead', async () => {
    await enqueue(one, 't1');
    clock.advanceSeconds(86_400);
    await finish(one, 't1');
    await settled();
    clock.advanceSeconds(-86_400);
    await change(one, 't1', redrive);
    await finish(one, 't1');
    await settled();
    expect(told.map(({ doneAt }) => doneAt - clock.now().wall)).toEqual([86_400_000, 0]);
  });

  it('gets another moment each time, also when no time passes', async () => {
    await enqueue(one, 't1');
    for (let time = 0; time < 3; time += 1) {
      await finish(one, 't1');
      await settled();
      await change(one, 't1', redrive);
      await settled();
    }
    expect(told.map(({ doneAt }) => doneAt - clock.now().wall)).toEqual([0, 1, 2]);
  });

  it('is not held up by a batch whose rest is being cancelled', async () => {
    await enqueue(one, 't1');
    await finish(one, 't1');
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const settle = one.service.settle.bind(one.service);
    one.service.settle = async (id, news) => {
      if (id === 'huge') await held;
      return settle(id, news);
    };
    const huge = one.checker.untilDone('huge', { wait: 60 }, PATIENT);
    const run = one.checker.run();
    await one.checker.untilDone('b', { wait: 60 }, PATIENT);
    void one.checker.run();
    while (told.length === 0) await new Promise(setImmediate);
    go();
    await Promise.all([run, huge]);
  });

  it('is told when the store comes back, also when nothing else happens then', async () => {
    await enqueue(one, 't1');
    await finish(one, 't1');
    one.store.between = () => Promise.reject(new StoreUnavailable('away', false));
    await one.checker.run();
    one.store.between = () => Promise.resolve();
    expect(told).toEqual([]);
    await one.checker.run();
    expect(told).toHaveLength(1);
  });

  it('comes when what a batch still waits for is cleared', async () => {
    await enqueue(one, 't1');
    await enqueue(one, 't2');
    await finish(one, 't1');
    await settled();
    const waiting = one.checker.untilDone('b', { wait: 60 }, PATIENT);
    await settled();
    await one.store.clear({ states: ['queued'] });
    await settled();
    await waiting;
    expect(told).toMatchObject([{ counts: { cancelled: 1, queued: 0 } }]);
  });
});

describe('a task that joins a batch by itself', () => {
  const members = { queues: ['elsewhere'], principal: ANYONE };
  const insertElsewhere = async (at: typeof one) => {
    const transition = create(spec({ id: 't1', batchId: 'b', queue: 'elsewhere' }), clock.now());
    await at.store.insert([{ transition, payload: '' }]);
  };

  it.each([1, 2, 3, 4, 5])(
    'is in the batch if it becomes durable before call %d of the opening',
    async (call) => {
      // Its process crashes after the write.
      interleave(one, [() => insertElsewhere(other)], [call]);
      await enqueue(one, 't2');
      const { batch } = await one.batches.find('b');
      // The second count is the last call before the tasks of the request.
      expect(batch?.queues?.includes('elsewhere')).toBe(call <= 4);
    },
  );

  it('fails with an outage that leaves its queue out of the batch', async () => {
    const join = one.register.join('b', members, async () => {
      await insertElsewhere(one);
      await enqueue(other, 't2');
      one.store.between = () => Promise.reject(new StoreUnavailable('away', false));
    });
    await expect(join).rejects.toMatchObject({ message: 'away', applied: 'unknown' });
    one.store.between = () => Promise.resolve();
    await one.register.join('b', members, () => Promise.resolve());
    expect((await one.batches.find('b')).batch?.queues).toContain('elsewhere');
  });
});
