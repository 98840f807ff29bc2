import type {
  ClaimedTask,
  ClaimRequest,
  JsonText,
  NewTask,
  Payload,
  TaskStore,
} from '../../src/storage/task-store.js';
import type { TaskQuery } from '../../src/storage/task-views.js';
import type { Moment } from '../../src/task/clock.js';
import {
  claim,
  complete,
  create,
  fail,
  type Grant,
  redrive,
  release,
  type Transition,
  tick,
} from '../../src/task/task.machine.js';
import type { Labels } from '../../src/task/requirements.js';
import type { ProcessingTask, QueuedTask, Task, TaskSpec } from '../../src/task/task.js';
import type { StoreHarness } from './store-harness.js';
import { spec, type FakeClock } from './task.builders.js';

/** What a test asks for when it claims. */
export interface Wish extends Partial<Omit<Grant, 'leaseId'>> {
  readonly queues?: readonly string[];
  readonly max?: number;
  readonly labels?: Labels;
}

type TaskFor<T extends readonly unknown[]> = { [K in keyof T]: Task };

/** Does with a store what the service does with it: find, transition, replace. */
export class StoreUser {
  private leases = 0;

  constructor(readonly harness: StoreHarness) {}

  get store(): TaskStore {
    return this.harness.store;
  }

  get clock(): FakeClock {
    return this.harness.clock;
  }

  get now(): Moment {
    return this.clock.now();
  }

  newTask(overrides: Partial<TaskSpec>, payload: Payload = payloadOf(overrides.id)): NewTask {
    return { transition: create(spec(overrides), this.now), payload };
  }

  /** Inserts new tasks in one call and answers them as the store has them. */
  async add<T extends readonly Partial<TaskSpec>[]>(...specs: T): Promise<TaskFor<T>> {
    const items = specs.map((each) => this.newTask(each));
    expect(await this.store.insert(items)).toEqual(items.map(() => undefined));
    return items.map((item) => item.transition.task) as unknown as TaskFor<T>;
  }

  /** Inserts one task with this payload. */
  async addWith(payload: Payload, overrides: Partial<TaskSpec> = {}): Promise<Task> {
    const item = this.newTask(overrides, payload);
    expect(await this.store.insert([item])).toEqual([undefined]);
    return item.transition.task;
  }

  request({ queues = ['default'], max = 1, labels, ...grant }: Wish = {}): ClaimRequest {
    const leaseIds = Array.from({ length: max }, () => `lease-${++this.leases}`);
    return { queues, leaseIds, labels, grant: { grace: 30, workerId: 'worker-1', ...grant } };
  }

  async take(wish: Wish = {}): Promise<readonly ProcessingTask[]> {
    return (await this.store.claim(this.request(wish))).map(({ task }) => task);
  }

  /** Claims the next task, which there must be. */
  async takeOne(wish: Wish = {}): Promise<ProcessingTask> {
    return the(await this.take(wish));
  }

  async find(id: string): Promise<Task> {
    const task = await this.store.find(id);
    if (!task) throw new Error(`The store does not know ${id}`);
    return task;
  }

  /** Writes a step, which must be accepted, and answers the task after it. */
  async write<T extends Task>(transition: Transition<T> | undefined, output?: JsonText): Promise<T> {
    if (!transition) throw new Error('The machine had nothing to write');
    expect(await this.store.replace([{ ...transition, output }])).toEqual([true]);
    return transition.task;
  }

  async complete(task: Task, output?: JsonText): Promise<Task> {
    return this.write(complete(task, { leaseId: leaseOf(task) }, this.now), output);
  }

  async fail(task: Task, error?: string, retryAfter?: number): Promise<Task> {
    const failure = { leaseId: leaseOf(task), error, retryAfter, random: 0 };
    return this.write(fail(task, failure, this.now));
  }

  async release(task: ProcessingTask): Promise<Task> {
    return this.write(release(task, { leaseId: task.lease.id }, this.now));
  }

  async redrive(task: Task): Promise<Task> {
    return this.write(redrive(task, this.now));
  }

  async tick(task: Task): Promise<Task> {
    return this.write(tick(task, this.now));
  }

  /** Enqueues, claims and completes one task, a millisecond later than whatever was before. */
  async end(
    id: string,
    details: { readonly payload?: Payload; readonly output?: JsonText } = {},
  ): Promise<Task> {
    this.clock.advance(1);
    await this.addWith(details.payload ?? payloadOf(id), { id, queue: `only ${id}` });
    return this.complete(await this.takeOne({ queues: [`only ${id}`] }), details.output);
  }

  /** The id of every due task, sorted. */
  async dueIds(limit = 1_000): Promise<readonly string[]> {
    return idsOf(await this.store.due(limit)).toSorted();
  }

  /** Every page of a query, one after the other. */
  async list(query: Omit<TaskQuery, 'limit'> & { readonly limit?: number } = {}): Promise<readonly Task[]> {
    return listAll(this.store, query);
  }
}

/** Reads all pages. A store that answers pages for ever fails. */
export async function listAll(
  store: TaskStore,
  query: Omit<TaskQuery, 'limit'> & { readonly limit?: number } = {},
): Promise<readonly Task[]> {
  const { limit = 100 } = query;
  const tasks: Task[] = [];
  let { cursor } = query;
  for (let pages = 0; pages < 10_000; pages++) {
    const page = await store.views.list({ ...query, limit, cursor });
    expect(page.tasks.length).toBeLessThanOrEqual(limit);
    tasks.push(...page.tasks);
    if (page.nextCursor === undefined) return tasks;
    cursor = page.nextCursor;
  }
  throw new Error('The list does not end');
}

export function payloadOf(id = 'task-1'): Payload {
  return `"code":"run ${id}"`;
}

export function idsOf(tasks: readonly Task[]): readonly string[] {
  return tasks.map((task) => task.spec.id);
}

export function byId(tasks: readonly Task[]): readonly Task[] {
  return tasks.toSorted((one, other) => (one.spec.id < other.spec.id ? -1 : 1));
}

/** The only one there must be. */
export function the<T>(items: readonly T[]): T {
  const [item, ...rest] = items;
  if (item === undefined || rest.length > 0) throw new Error(`Expected one, got ${items.length}`);
  return item;
}

export function asQueued(task: Task): QueuedTask {
  if (task.state !== 'queued') throw new Error(`${task.spec.id} is ${task.state}, not queued`);
  return task;
}

export function asProcessing(task: Task | undefined): ProcessingTask {
  if (task?.state !== 'processing') throw new Error(`${task?.spec.id} is ${task?.state}, not processing`);
  return task;
}

function leaseOf(task: Task): string | undefined {
  return task.state === 'processing' ? task.lease.id : undefined;
}

/** What the machine says that this claim must answer for these tasks, in this order. */
export function claimOf(tasks: readonly Task[], request: ClaimRequest, now: Moment): readonly ClaimedTask[] {
  return tasks.map((task, index) => {
    const leaseId = request.leaseIds[index];
    if (leaseId === undefined) throw new Error(`There is no lease for ${task.spec.id}`);
    return {
      task: claim(asQueued(task), { ...request.grant, leaseId }, now).task,
      payload: payloadOf(task.spec.id),
    };
  });
}
