/**
 * `npm run bench:scripts`: the longest time that Redis gave to one script under each of the loads below, by its SLOWLOG.
 *
 * Every other command waits for a script, so none may take longer than 5 ms, except those of inserts and completions, which
 * are one commit by contract (ADR 35). The tests count what a script touches; this
 * measures. It needs a quiet machine, and takes about two minutes. `-- --scale 0.1` uses a tenth of the groups and
 * requirements; `-- --only WORD` runs the loads whose names have this word; `-- --rounds 5` runs each load five times and
 * prints the least of each figure, which other processes of a busy machine disturb less.
 */
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import { cancel, complete, create, type Transition } from '../../src/task/task.machine.js';
import type { Task, TaskSpec } from '../../src/task/task.js';
import type { ClaimedTask, NewTask } from '../../src/storage/task-store.js';
import type { TaskFilter } from '../../src/storage/task-views.js';
import type { Labels } from '../../src/task/requirements.js';
import type { RedisTaskStore } from '../../src/storage/redis/redis-task-store.js';
import { openRedis, openRedisStore } from '../support/redis-store.js';
import { RedisServer } from '../support/redis-server.js';
import { spec } from '../support/task.builders.js';

const LIMIT_MICROSECONDS = 5_000;
const BATCH = 1_000;
const LEASES = 100;
const PRIORITIES = 2_001;

interface Load {
  readonly name: string;
  readonly prepare?: (stage: Stage) => Promise<void>;
  readonly run: (stage: Stage) => Promise<unknown>;
}

/** A store on a Redis that has nothing else, and what the loads do with it. */
class Stage {
  private leases = 0;
  private held: readonly ClaimedTask[] = [];
  private tasks: readonly Task[] = [];

  constructor(
    readonly store: RedisTaskStore,
    readonly scale: number,
  ) {}

  items(
    count: number,
    specOf: (index: number) => Partial<TaskSpec> = () => ({}),
    payload = PAYLOAD,
  ): NewTask[] {
    const now = this.store.clock.now();
    return Array.from({ length: count }, (_, index) => ({
      transition: create(spec({ id: `t${index}`, ...specOf(index) }), now),
      payload,
    }));
  }

  async add(items: readonly NewTask[]): Promise<void> {
    for (let from = 0; from < items.length; from += BATCH) {
      await this.store.insert(items.slice(from, from + BATCH));
    }
    this.tasks = items.map(({ transition }) => transition.task);
  }

  async addOneByOne(items: readonly NewTask[]): Promise<void> {
    for (const item of items) await this.store.insert([item]);
  }

  async claim(max = LEASES, labels?: Labels): Promise<readonly ClaimedTask[]> {
    const leaseIds = Array.from({ length: max }, () => `lease-${++this.leases}`);
    const grant = { grace: 30, workerId: 'worker' };
    this.held = await this.store.claim({ queues: ['default'], leaseIds, labels, grant });
    return this.held;
  }

  async claimAll(count: number): Promise<void> {
    const all: ClaimedTask[] = [];
    while (all.length < count) all.push(...(await this.claim()));
    this.held = all;
  }

  /** Has the next claim for so many groups take one task of each, so that all are at their limit of one. */
  async fill(groups: number): Promise<void> {
    await this.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    const group = (index: number) => ({ group: `g${index}`, id: `t${index}` });
    await this.add(this.items(groups, group));
    for (let taken = 0; taken < groups; taken += LEASES) await this.claim();
    await this.add(this.items(groups, (index) => ({ ...group(index), id: `u${index}` })));
  }

  completeAll(): Promise<unknown> {
    const now = this.store.clock.now();
    return this.replace(this.held.map(({ task }) => complete(task, { leaseId: task.lease.id }, now)));
  }

  cancelAll(): Promise<unknown> {
    const now = this.store.clock.now();
    return this.replace(
      this.tasks.map((task) => cancel(task, undefined, now)),
      true,
    );
  }

  removeAll(): Promise<unknown> {
    return this.store.remove(this.tasks);
  }

  async placeAll(): Promise<unknown> {
    return Promise.all(this.tasks.slice(0, BATCH).map((task) => this.store.views.position(task)));
  }

  /** With all that follows in the background. */
  async clear(filter: Pick<TaskFilter, 'states'> = {}): Promise<void> {
    await this.store.clear(filter);
    await this.store.reclaimed();
  }

  private replace(
    transitions: readonly (Transition | undefined)[],
    inSteps = transitions.length > BATCH,
  ): Promise<unknown> {
    return this.store.replace(
      transitions.flatMap((transition) => transition ?? []),
      { inSteps },
    );
  }
}

const PAYLOAD = `"code":${JSON.stringify('x'.repeat(600))}`;
const LARGE = `"code":${JSON.stringify('x'.repeat(1_000_000))}`;
const grouped = (index: number) => ({ id: `t${index}`, group: `g${index % 50}`, batchId: 'b' });
const priorities = (index: number) => ({ id: `t${index}`, priority: (index % PRIORITIES) - 1_000 });
const needing = (index: number) => ({ id: `t${index}`, requires: { job: `j${index}`, gpu: 'a100' } });
const groupsOf = ({ scale }: Stage) => 100_000 * scale;
const needsOf = ({ scale }: Stage) => 100_000 * scale;
const queuesOf = ({ scale }: Stage) => 20_000 * scale;

async function fillQueues(stage: Stage): Promise<void> {
  await stage.add(stage.items(queuesOf(stage), (index) => ({ id: `t${index}`, queue: `q${index}` })));
}

const LOADS: readonly Load[] = [
  { name: 'insert of 1,000', run: (stage) => stage.add(stage.items(BATCH)) },
  { name: 'insert of 1,000 in groups of a batch', run: (stage) => stage.add(stage.items(BATCH, grouped)) },
  { name: 'insert of 20 x 1 MB', run: (stage) => stage.add(stage.items(20, undefined, LARGE)) },
  {
    name: 'complete of 1,000',
    prepare: async (stage) => {
      await stage.add(stage.items(BATCH));
      await stage.claimAll(BATCH);
    },
    run: (stage) => stage.completeAll(),
  },
  {
    name: 'cancel of 500',
    prepare: (stage) => stage.add(stage.items(500, grouped)),
    run: (stage) => stage.cancelAll(),
  },
  {
    name: 'remove of 1,000',
    prepare: (stage) => stage.add(stage.items(BATCH, grouped)),
    run: (stage) => stage.removeAll(),
  },
  {
    name: 'clear of 1,000',
    prepare: (stage) => stage.add(stage.items(BATCH, grouped)),
    run: (stage) => stage.clear(),
  },
  {
    name: 'clear of 20,000',
    prepare: (stage) => stage.add(stage.items(20_000)),
    run: (stage) => stage.clear(),
  },
  {
    name: 'clear of 20,000 in groups, of a batch, with requirements',
    prepare: (stage) => stage.add(stage.items(20_000, (index) => ({ ...grouped(index), ...needing(index) }))),
    run: (stage) => stage.clear(),
  },
  {
    name: 'clear of 20,000 of 25,000 that have ended',
    prepare: async (stage) => {
      await stage.add(stage.items(20_000, grouped));
      await stage.claimAll(20_000);
      await stage.completeAll();
      await stage.add(stage.items(5_000, (index) => ({ id: `u${index}` })));
      await stage.cancelAll();
    },
    run: (stage) => stage.clear({ states: ['completed'] }),
  },
  {
    name: 'claim of 100',
    prepare: (stage) => stage.add(stage.items(BATCH, grouped)),
    run: (stage) => stage.claim(),
  },
  {
    name: 'claim of 100 x 1 MB',
    prepare: (stage) => stage.add(stage.items(LEASES, undefined, LARGE)),
    run: (stage) => stage.claim(),
  },
  {
    name: 'claim of 100, 2,001 priorities with ageing',
    prepare: async (stage) => {
      await stage.add(stage.items(PRIORITIES * 2, priorities));
      await stage.store.settings.change('default', { priorityAgeing: 1 });
    },
    run: async (stage) => {
      for (let claims = 0; claims < 5; claims += 1) await stage.claim();
    },
  },
  {
    name: 'claim of 100, 2,001 priorities with a second of waiting worth all of them',
    prepare: async (stage) => {
      await stage.add(stage.items(PRIORITIES * 2, (index) => priorities(PRIORITIES * 2 - index)));
      await stage.store.settings.change('default', { priorityAgeing: 0.001 });
    },
    run: async (stage) => {
      for (let claims = 0; claims < 5; claims += 1) await stage.claim();
    },
  },
  {
    name: 'claim of 100, 2,001 priorities with ageing and groups with a limit',
    prepare: async (stage) => {
      const group = (index: number) => ({ ...priorities(index), group: `g${index % 50}` });
      await stage.add(stage.items(PRIORITIES * 2, group));
      await stage.store.settings.change('default', { priorityAgeing: 1, maxConcurrencyPerGroup: 4 });
    },
    run: async (stage) => {
      for (let claims = 0; claims < 5; claims += 1) {
        await stage.claim();
        await stage.completeAll();
      }
    },
  },
  {
    name: 'claim of 100, 2,001 priorities with ageing and requirements',
    prepare: async (stage) => {
      const some = (index: number) => (index % 2 === 0 ? { requires: { gpu: 'a100' } } : {});
      await stage.add(stage.items(PRIORITIES * 2, (index) => ({ ...priorities(index), ...some(index) })));
      await stage.store.settings.change('default', { priorityAgeing: 1 });
    },
    run: async (stage) => {
      for (let claims = 0; claims < 5; claims += 1) await stage.claim(LEASES, { gpu: 'a100' });
    },
  },
  {
    name: 'poll, 100,000 groups at their limit',
    prepare: (stage) => stage.fill(groupsOf(stage)),
    run: (stage) => stage.claim(1),
  },
  {
    name: 'settings changed, 100,000 groups at their limit',
    prepare: async (stage) => {
      await stage.fill(groupsOf(stage));
      await stage.claim(1);
    },
    run: async ({ store }) => {
      await store.settings.change('default', { maxDepth: 5_000_000 });
      await store.settings.change('default', { maxConcurrencyPerGroup: 2 });
      await store.settings.change('default', { maxConcurrencyPerGroup: null });
    },
  },
  {
    name: 'insert of 1,000, up to 100,000 distinct requirements',
    run: (stage) => stage.add(stage.items(needsOf(stage), needing)),
  },
  {
    name: 'insert of 1, 100,000 distinct requirements',
    prepare: (stage) => stage.add(stage.items(needsOf(stage), needing)),
    run: (stage) =>
      stage.addOneByOne(stage.items(200, (index) => ({ ...needing(-index - 1), id: `u${index}` }))),
  },
  {
    name: 'claim, 100,000 distinct requirements',
    prepare: (stage) => stage.add(stage.items(needsOf(stage), needing)),
    run: async (stage) => {
      for (let index = 0; index < 50; index += 1) await stage.claim(2, { gpu: 'a100', job: `j${index * 7}` });
      await stage.claim(2, {});
    },
  },
  {
    name: 'position of 1,000, 100,000 distinct requirements',
    prepare: (stage) => stage.add(stage.items(needsOf(stage), needing)),
    run: (stage) => stage.placeAll(),
  },
  {
    name: 'position of 1,000, 2,001 priorities in groups',
    prepare: (stage) =>
      stage.add(stage.items(PRIORITIES, (index) => ({ ...priorities(index), group: `g${index % 50}` }))),
    run: (stage) => stage.placeAll(),
  },
  {
    name: 'ageing turned off, 20,000 distinct requirements that were claimed by',
    prepare: async (stage) => {
      const count = queuesOf(stage);
      await stage.store.settings.change('default', { priorityAgeing: 1 });
      await stage.add(stage.items(count * 2, (index) => ({ ...needing(index % count), id: `t${index}` })));
      for (let index = 0; index < count; index += 1) await stage.claim(1, { gpu: 'a100', job: `j${index}` });
    },
    run: ({ store }) => store.settings.change('default', { priorityAgeing: null }),
  },
  { name: 'counts of 20,000 queues', prepare: fillQueues, run: ({ store }) => store.views.counts() },
  { name: 'what is due in 20,000 queues', prepare: fillQueues, run: ({ store }) => store.due(500) },
  { name: 'settings of 20,000 queues', prepare: fillQueues, run: ({ store }) => store.settings.all() },
  {
    name: 'a batch among 20,000 queues',
    prepare: fillQueues,
    run: ({ store }) => store.views.countBatch('b'),
  },
  { name: 'clear of 20,000 queues', prepare: fillQueues, run: (stage) => stage.clear() },
];

interface Times {
  /** The longest script, in microseconds. */
  readonly longest: number;
  /** How many took longer than they may. */
  readonly over: number;
  /** The whole load. */
  readonly seconds: number;
}

/** Runs a load, and asks Redis how long its scripts took. */
async function longestOf(client: Redis, run: () => Promise<unknown>): Promise<Times> {
  await client.config('SET', 'slowlog-log-slower-than', '500');
  await client.config('SET', 'slowlog-max-len', '100000');
  await client.slowlog('RESET');
  const from = performance.now();
  await run();
  const seconds = (performance.now() - from) / 1000;
  const entries = (await client.slowlog('GET', -1)) as [number, number, number, string[]][];
  const times = entries
    .filter(([, , , [name = '']]) => name.toLowerCase().startsWith('eval'))
    .map(([, , microseconds]) => microseconds);
  await client.config('SET', 'slowlog-log-slower-than', '-1');
  return {
    longest: times.reduce((most, each) => Math.max(most, each), 0),
    over: times.filter((each) => each > LIMIT_MICROSECONDS).length,
    seconds,
  };
}

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
  },
});
const server = await RedisServer.start();
const client = await openRedis(server.url);
try {
  console.log('| load | longest script, ms | over 5 ms | whole call, s |\n| --- | --- | --- | --- |');
  for (const [index, { name, prepare, run }] of LOADS.entries()) {
    if (!name.includes(values.only)) continue;
    const rounds: Times[] = [];
    while (rounds.length < Number(values.rounds)) {
      await client.flushall('SYNC');
      const store = await openRedisStore({ url: server.url, keyPrefix: `bench-${index}` });
      const stage = new Stage(store, Number(values.scale));
      await prepare?.(stage);
      rounds.push(await longestOf(client, () => run(stage)));
      await store.close();
    }
    const least = (of: (times: Times) => number) => Math.min(...rounds.map(of));
    const longest = least((times) => times.longest / 1000).toFixed(1);
    console.log(
      `| ${name} | ${longest} | ${least(({ over }) => over)} | ${least(({ seconds }) => seconds).toFixed(2)} |`,
    );
  }
} finally {
  await client.quit();
  await server.stop();
}
