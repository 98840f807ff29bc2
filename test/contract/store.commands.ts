import fc from 'fast-check';
import type { Change } from '../../src/storage/task-store.js';
import type { TaskFilter } from '../../src/storage/task-views.js';
import { TaskError } from '../../src/task/task.errors.js';
import {
  cancel,
  complete,
  create,
  fail,
  heartbeat,
  redrive,
  release,
  reprioritize,
  tick,
} from '../../src/task/task.machine.js';
import type { Labels } from '../../src/task/requirements.js';
import { isFinished, type Task } from '../../src/task/task.js';
import { TASK_STATES, type TaskState } from '../../src/task/task-state.js';
import { byId, idsOf, listAll } from '../support/store-user.js';
import { spec } from '../support/task.builders.js';
import { compareAll, type Model, type Real } from './store.world.js';

/** One thing to do to both stores; afterwards both must look the same. */
class StoreCommand implements fc.AsyncCommand<Model, Real> {
  constructor(
    private readonly text: string,
    private readonly act: (model: Model, real: Real) => Promise<void>,
  ) {}

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.act(model, real);
    await compareAll(model, real);
  }

  toString(): string {
    return this.text;
  }
}

type Act<T> = (details: T, model: Model, real: Real) => Promise<void>;

function command<T>(name: string, details: fc.Arbitrary<T>, act: Act<T>): fc.Arbitrary<StoreCommand> {
  return details.map(
    (value) => new StoreCommand(`${name} ${JSON.stringify(value)}`, (model, real) => act(value, model, real)),
  );
}

const id = fc.integer({ min: 0, max: 15 }).map((index) => `t${index}`);
const queue = fc.constantFrom('a', 'b', 'c');
const seconds = fc.constantFrom(0.5, 1, 2, 5, 20);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const newSpec = fc.record({
  id,
  queue,
  priority: fc.integer({ min: -1, max: 1 }),
  delay: rarely(seconds),
  ttl: rarely(seconds),
  deadline: rarely(seconds),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  maxInterruptions: fc.integer({ min: 0, max: 1 }),
  batchId: maybe(fc.constantFrom('x', 'y')),
  group: maybe(fc.constantFrom('g1', 'g2', 'g3')),
  requires: rarely(fc.constantFrom<Labels[]>({ gpu: 'a100' }, { gpu: 'a100', os: 'linux' }, { os: 'linux' })),
});

const insert = command(
  'insert',
  fc.array(newSpec, { minLength: 1, maxLength: 6, size: 'max' }),
  async (specs, model, { harness }) => {
    const items = specs.map((each, index) => ({
      transition: create(spec(each), harness.clock.now()),
      payload: `"code":"${each.id} ${++model.payloads}.${index}"`,
    }));
    expect(await harness.store.insert(items)).toEqual(await model.store.insert(items));
  },
);

const claimTasks = command(
  'claim',
  fc.record({
    queues: fc.uniqueArray(queue, { minLength: 1, maxLength: 3 }),
    max: fc.integer({ min: 1, max: 4 }),
    lease: seconds,
    claimId: maybe(fc.constant('c1')),
    workerId: maybe(fc.constantFrom('w1', 'w2')),
    labels: maybe(fc.constantFrom<Labels[]>({ os: 'linux' }, { gpu: 'a100', os: 'linux' }, { gpu: 'h100' })),
  }),
  async ({ queues, max, labels, ...grant }, model, { harness }) => {
    const leaseIds = Array.from({ length: max }, () => `lease-${++model.leases}`);
    // Claim ids are made up by workers; whether two of them may choose the same is not the store's promise.
    const claimId = grant.claimId && `${grant.workerId}-${grant.claimId}`;
    const request = { queues, leaseIds, labels, grant: { ...grant, claimId, grace: 30 } };
    const expected = await model.store.claim(request);
    const claimed = await harness.store.claim(request);
    // The tasks of a repeated claim come in any order; fresh ones as they are in the queues.
    const isRepeated = expected.some(({ task }) => !leaseIds.includes(task.lease.id));
    const order = <T extends { readonly task: Task }>(answer: readonly T[]) =>
      isRepeated ? answer.toSorted((one, other) => (one.task.spec.id < other.task.spec.id ? -1 : 1)) : answer;
    expect(order(claimed)).toEqual(order(expected));
  },
);

const HELD: readonly TaskState[] = ['processing'];
const WAITING: readonly TaskState[] = ['queued', 'delayed'];
const OPEN: readonly TaskState[] = ['queued', 'delayed', 'processing'];
const DEAD: readonly TaskState[] = ['failed', 'expired', 'cancelled'];

type Changing<T> = (task: Task, details: T, real: Real) => Change | undefined;

/** Lets the machine change a task, mostly one for which that makes sense, and writes it to both stores. */
function writing<T>(
  name: string,
  states: readonly TaskState[],
  details: fc.Arbitrary<T>,
  change: Changing<T>,
) {
  const target = fc.record({
    index: fc.nat({ max: 99 }),
    states: fc.constantFrom(states, states, states, TASK_STATES),
  });
  return command(name, fc.tuple(target, details), async ([{ index, states: wanted }, value], model, real) => {
    const tasks = await listAll(model.store, { states: wanted });
    const task = tasks[index % tasks.length];
    if (!task) return;
    expect(await real.harness.store.find(task.spec.id)).toEqual(task);
    model.read.push(task);
    await writeBoth(() => change(task, value, real), model, real);
  });
}

async function writeBoth(change: () => Change | undefined, model: Model, { harness }: Real): Promise<void> {
  const next = allowed(change);
  if (!next) return;
  expect(await harness.store.replace([next])).toEqual(await model.store.replace([next]));
}

/** The change, unless the machine refuses it. */
function allowed(change: () => Change | undefined): Change | undefined {
  try {
    return change();
  } catch (error) {
    if (error instanceof TaskError) return undefined;
    throw error;
  }
}

function leaseOf(task: Task): string {
  return task.state === 'processing' ? task.lease.id : 'none';
}

const beat = writing('heartbeat', HELD, seconds, (task, extend, { harness }) => ({
  task: heartbeat(
    task,
    { leaseId: leaseOf(task), extend, progress: { percent: extend } },
    harness.clock.now(),
  ),
}));

const finish = writing('complete', HELD, maybe(fc.json()), (task, output, { harness }) => {
  const transition = complete(task, { leaseId: leaseOf(task) }, harness.clock.now());
  return transition && { ...transition, output };
});

const finishLate = writing(
  'complete without lease',
  WAITING,
  fc.constant('"late"'),
  (task, output, { harness }) => {
    const transition = complete(task, {}, harness.clock.now());
    return transition && { ...transition, output };
  },
);

const failTask = writing(
  'fail',
  HELD,
  fc.record({ retryAfter: maybe(fc.constantFrom(0, 1, 3)), error: maybe(fc.string()) }),
  (task, failure, { harness }) =>
    fail(task, { ...failure, leaseId: leaseOf(task), random: 0.5 }, harness.clock.now()),
);

const giveBack = writing('release', HELD, maybe(seconds), (task, delay, { harness }) =>
  release(task, { leaseId: leaseOf(task), delay }, harness.clock.now()),
);

const stop = writing('cancel', OPEN, maybe(fc.string()), (task, reason, { harness }) =>
  cancel(task, reason, harness.clock.now()),
);

const rank = writing('reprioritize', WAITING, fc.constantFrom(0, 1, 2, 5), (task, priority, { harness }) =>
  reprioritize(task, priority, harness.clock.now()),
);

const revive = writing('redrive', DEAD, fc.constant(null), (task, _, { harness }) =>
  redrive(task, harness.clock.now()),
);

const writeStale = command('write what was read before', fc.nat({ max: 99 }), async (index, model, real) => {
  const task = model.read[index % model.read.length];
  if (!task) return;
  await writeBoth(() => cancel(task, 'stale', real.harness.clock.now()), model, real);
  expect(await real.harness.store.remove([task])).toEqual(await model.store.remove([task]));
});

const sweep = command('sweep', fc.integer({ min: 1, max: 5 }), async (limit, model, real) => {
  const due = await real.harness.store.due(limit);
  const ended = due.filter(isFinished);
  const transitions = due
    .map((task) => tick(task, real.harness.clock.now()))
    .filter((transition) => transition !== undefined);
  expect(ended.length + transitions.length).toBe(due.length);
  expect(due.length).toBe((await model.store.due(limit)).length);
  expect(await real.harness.store.replace(transitions)).toEqual(await model.store.replace(transitions));
  expect(await real.harness.store.remove(ended)).toEqual(await model.store.remove(ended));
});

const remove = command('remove', fc.array(id, { maxLength: 3 }), async (ids, model, { harness }) => {
  const found = await Promise.all(ids.map((each) => harness.store.find(each)));
  const tasks = found.filter((task) => task !== undefined);
  expect(await harness.store.remove(tasks)).toEqual(await model.store.remove(tasks));
});

const filters: fc.Arbitrary<Pick<TaskFilter, 'states' | 'queues'>> = fc.record({
  states: maybe(fc.subarray([...TASK_STATES], { minLength: 1 })),
  queues: maybe(fc.uniqueArray(queue, { minLength: 1, maxLength: 2 })),
});

const clearing: fc.Arbitrary<Pick<TaskFilter, 'states' | 'queues'>> = fc.oneof(
  {
    weight: 4,
    arbitrary: queue.map((each) => ({ queues: [each], states: ['completed', 'queued'] as const })),
  },
  { weight: 2, arbitrary: queue.map((each) => ({ queues: [each] })) },
  { weight: 2, arbitrary: fc.constantFrom(...TASK_STATES).map((state) => ({ states: [state] })) },
  { weight: 1, arbitrary: fc.constant({}) },
);

const clear = command('clear', clearing, async (filter, model, { harness }) => {
  expect(await harness.store.clear(filter)).toBe(await model.store.clear(filter));
});

const list = command(
  'list',
  fc.record({
    filter: filters,
    batchId: maybe(fc.constantFrom('x', 'y')),
    group: maybe(fc.constantFrom('g1', 'g2')),
    limit: fc.integer({ min: 1, max: 4 }),
  }),
  async ({ filter, ...query }, model, { harness }) => {
    const listed = await listAll(harness.store, { ...filter, ...query });
    const expected = await listAll(model.store, { ...filter, ...query });
    expect(idsOf(listed)).toEqual(idsOf(expected));
    expect(byId(listed)).toEqual(byId(expected));
  },
);

const configure = command(
  'configure',
  fc.record({
    queue,
    change: fc.record(
      {
        paused: fc.constantFrom(true, false, false, null),
        maxConcurrency: fc.constantFrom(1, 3, 5, null),
        maxConcurrencyPerGroup: fc.constantFrom(1, 2, null),
        rateLimit: fc.constantFrom({ tasks: 1, per: 0.3 }, { tasks: 3, per: 1 }, null),
        priorityAgeing: fc.constantFrom(0.7, 5, null),
      },
      { requiredKeys: [] },
    ),
  }),
  async ({ queue: name, change }, model, { harness }) => {
    expect(await harness.store.settings.change(name, change)).toEqual(
      await model.store.settings.change(name, change),
    );
    expect(await harness.store.settings.of(name)).toEqual(await model.store.settings.of(name));
    expect(await harness.store.settings.untilAllowed(name)).toBeCloseTo(
      await model.store.settings.untilAllowed(name),
      6,
    );
  },
);

const wait = command(
  'wait',
  fc.constantFrom(1, 499, 500, 1_000, 3_000, 20_000),
  async (time, _, { harness }) => {
    harness.clock.advance(time);
  },
);

const setWall = command(
  'set the wall clock by',
  fc.constantFrom(-5_000, -1, 700, 30_000),
  async (by, model, real) => {
    // Which ended task is the oldest is open when the clock went back, so that is left to runs without limits.
    if (by > 0 || !model.hasLimits) real.harness.clock.setWall(real.harness.clock.now().wall + by);
  },
);

const reopen = command('reopen after', fc.constantFrom('close', 'crash'), async (end, model, real) => {
  const { harness } = real;
  await model.reopen(harness.isForgetful);
  real.feed.listenTo(await (end === 'crash' ? harness.crash() : harness.reopen()));
});

/** All commands; those that build up come more often than those that tear down. */
export const storeCommands: fc.Arbitrary<StoreCommand>[] = [
  ...[insert, insert, insert, insert, claimTasks, claimTasks, claimTasks, claimTasks, claimTasks],
  ...[beat, beat, finish, finish, failTask, failTask, failTask, giveBack, giveBack, finishLate, stop],
  ...[
    revive,
    revive,
    rank,
    rank,
    writeStale,
    wait,
    wait,
    wait,
    sweep,
    sweep,
    sweep,
    list,
    remove,
    setWall,
    reopen,
    clear,
    configure,
    configure,
  ],
];
