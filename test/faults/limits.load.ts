import { setTimeout as delay } from 'node:timers/promises';
import type { Grant, Ms } from '../support/history.js';
import { SeededRandom } from '../support/store-random.js';
import { type Ports, RETRY_MS } from './load.js';
import type { LoadTask } from './load.task.js';
import type { QueueClient } from './queue.client.js';
import { ReplicaRoute } from './replica.route.js';

/** How much of everything there is. */
export interface LimitsPlan {
  readonly groups: number;
  /** Tasks of a group that may be held at an instant. */
  readonly limit: number;
  readonly workers: number;
}

export interface LimitsLoadOptions {
  /** The first participant; the others write into its history. */
  readonly client: QueueClient;
  readonly ports: Ports;
  readonly plan: LimitsPlan;
  readonly seed: number;
}

export const TASKS_PER_CLAIM = 5;
const TASKS_PER_REQUEST = 500;
/** Half of all tasks are of these, so that they are full all the time. */
const BUSY_GROUPS = 5;
const PAUSE_MS = 10;
const TROUBLED_PAUSE_MS = 100;
/** The longest that work takes. */
const WORK_MS = 60;
/** Seconds that a worker waits for a task. */
const WAIT = 1;

/** Workers of groups that are limited: they complete, fail, give back, are cancelled, or disappear. */
export class LimitsLoad {
  readonly ids: string[] = [];
  /** What the stats of the queue said that cannot be. */
  readonly complaints: string[] = [];
  private readonly groups = new Map<string, string>();
  private readonly random: SeededRandom;
  private running: Promise<void>[] = [];
  private isStopped = false;
  private up = Promise.resolve();

  constructor(private readonly options: LimitsLoadOptions) {
    this.random = new SeededRandom(options.seed);
  }

  start(): void {
    this.isStopped = false;
    const { workers } = this.options.plan;
    this.running = [
      ...this.clients(workers).map((client, index) =>
        this.repeat(() => this.work(client, `worker-${index}`), client),
      ),
      ...this.clients(1).map((client) => this.repeat(() => this.produce(client), client)),
      ...this.clients(1).map((client) => this.repeat(() => this.cancelOne(client), client)),
    ];
  }

  /** Nobody sends anything new until the promise resolves. */
  holdUntil(up: Promise<void>): void {
    this.up = up;
  }

  /** Resolves when everybody has had the last answer. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.running);
  }

  groupOf({ id }: Grant): string {
    return this.groups.get(id) ?? '';
  }

  /** Enqueues so many tasks of every group. */
  async enqueueOfEach(count: number): Promise<void> {
    const { groups } = this.options.plan;
    const tasks = Array.from({ length: count * groups }, (_, index) => this.newTask(index % groups));
    await this.enqueue(this.options.client, tasks);
  }

  /** Every other client keeps to one replica, the rest ask any. */
  clients(count: number): QueueClient[] {
    const { client, ports } = this.options;
    return Array.from({ length: count }, (_, index) => {
      const random = index % 2 === 0 ? undefined : this.random;
      return client.along(new ReplicaRoute(ports, { first: Math.floor(index / 2), random }));
    });
  }

  private async repeat(act: () => Promise<void>, client: QueueClient): Promise<void> {
    while (!this.isStopped) {
      await this.up;
      await act();
      await delay(client.isTroubled ? TROUBLED_PAUSE_MS : 0);
    }
  }

  private async produce(client: QueueClient): Promise<void> {
    const { groups, limit } = this.options.plan;
    const { body } = await client.send('GET', '/queues/default/stats');
    const { ready = Infinity, leased = 0 } = (body ?? {}) as { ready?: number; leased?: number };
    if (leased > groups * limit) this.complaints.push(`the stats say ${leased} held of ${groups * limit}`);
    if (ready < groups * limit) {
      const pick = () => this.random.below(this.random.below(2) === 0 ? BUSY_GROUPS : groups);
      await this.enqueue(
        client,
        Array.from({ length: groups * 2 }, () => this.newTask(pick() % groups)),
      );
    }
    await delay(PAUSE_MS);
  }

  /** Each chunk is sent until it is acknowledged. */
  private async enqueue(client: QueueClient, tasks: readonly LoadTask[]): Promise<void> {
    for (let from = 0; from < tasks.length; from += TASKS_PER_REQUEST) {
      const chunk = tasks.slice(from, from + TASKS_PER_REQUEST);
      while ((await client.enqueueAll(chunk)) !== 'ok') {
        await this.up;
        await delay(TROUBLED_PAUSE_MS);
      }
    }
  }

  private async work(client: QueueClient, worker: string): Promise<void> {
    const max = 1 + this.random.below(TASKS_PER_CLAIM);
    const grants = await client.claim({ worker, max, wait: WAIT });
    if (grants.length === 0) return;
    await delay(this.random.next() * WORK_MS);
    await this.up;
    for (const grant of grants) await this.report(client, grant);
  }

  /** Most work is done, some fails, some is given back, some workers disappear with their task. */
  private async report(client: QueueClient, { id, token }: Grant): Promise<void> {
    const dice = this.random.below(50);
    if (dice === 0) return;
    const f = dice < 8 ? 'fail' : dice < 12 ? 'release' : 'complete';
    await client.end({ f, id, token });
  }

  private async cancelOne(client: QueueClient): Promise<void> {
    const id = this.random.pick(this.ids.slice(-this.options.plan.groups * this.options.plan.limit));
    if (id !== undefined) await client.cancel(id);
    await delay(TROUBLED_PAUSE_MS);
  }

  private newTask(groupNumber: number): LoadTask {
    const id = `t-${this.ids.length}`;
    const group = `g-${groupNumber}`;
    this.ids.push(id);
    this.groups.set(id, group);
    return {
      eval_id: id,
      code: `print(${this.ids.length})`,
      metadata: {},
      queue: 'default',
      group,
      priority: 0,
      timeout: 1,
      max_attempts: 2,
      max_interruptions: 20,
      backoff: { type: 'fixed', delay: RETRY_MS / 1000, max_delay: 1, jitter: 0 },
    };
  }
}

/** Longer than any campaign looks at what is held. */
export const HOLD_MS: Ms = 300_000;
