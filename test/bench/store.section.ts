import type { BenchContext } from './bench.context.js';
import { benchTask } from './bench.task.js';
import { median } from './contest.js';
import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import { SystemClock } from '../../src/storage/embedded/system-clock.js';
import type { NewTask, TaskStore } from '../../src/storage/task-store.js';
import { complete } from '../../src/task/task.machine.js';
import type { Task } from '../../src/task/task.js';

const SECTION = 'store';
const DEEP = 1_000_000;
const SHALLOW = 1_000;
const BATCH = 1000;
const CALLERS = 64;
const ROUNDS = 40;
const WARM_UP_ROUNDS = 40;
const CALLS_PER_ROUND = 512;
const DEPTH_LIMIT = 1.3;

const OPERATIONS = ['enqueue', 'claim', 'complete', 'position', 'find'] as const;
type Operation = (typeof OPERATIONS)[number];

/** The store by itself, without HTTP: where a cost that grows with the depth could not hide. */
export async function storeSection(context: BenchContext): Promise<void> {
  const deep = await Filled.open(context.freshDirectory(), context.scaled(DEEP));
  const shallow = await Filled.open(context.freshDirectory(), SHALLOW);
  const times: Record<string, Record<Operation, number[]>> = { deep: empty(), shallow: empty() };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const operation of OPERATIONS) {
      for (const [name, filled] of Object.entries({ shallow, deep })) {
        globalThis.gc?.();
        const time = await filled.time(operation);
        if (round >= 0) times[name]?.[operation].push(time);
      }
    }
  }
  await deep.close();
  await shallow.close();
  for (const operation of OPERATIONS) {
    const at = (name: string) => times[name]?.[operation] ?? [];
    const ratio = median(at('deep').map((time, index) => time / (at('shallow')[index] ?? NaN)));
    const wanted = { atMost: DEPTH_LIMIT };
    const name = `${operation}, at ${deep.depth} ÷ at ${shallow.depth} (store)`;
    context.report({ section: SECTION, name, value: ratio, unit: '×', wanted });
    for (const [which, { depth }] of Object.entries({ shallow, deep })) {
      const value = median(at(which)) * 1000;
      context.report({ section: SECTION, name: `${operation}, at ${depth}`, value, unit: 'µs' });
    }
  }
}

function empty(): Record<Operation, number[]> {
  return { enqueue: [], claim: [], complete: [], position: [], find: [] };
}

/** A store with so many waiting tasks, kept at that depth. */
class Filled {
  private next = 0;
  private held: Task[] = [];
  private waiting: Task[] = [];

  private constructor(
    private readonly store: TaskStore,
    readonly depth: number,
  ) {}

  static async open(directory: string, depth: number): Promise<Filled> {
    const settings = { retention: 86_400, retentionMaxTasks: 1_000_000, retentionMaxBytes: 2 ** 32 };
    const store = await EmbeddedTaskStore.open({ directory, clock: new SystemClock(), settings });
    const filled = new Filled(store, depth);
    while (filled.next < depth) await store.insert(Array.from({ length: BATCH }, () => filled.newTask()));
    return filled;
  }

  /** Milliseconds a call, with 64 callers. */
  async time(operation: Operation): Promise<number> {
    const calls = Array.from({ length: CALLS_PER_ROUND }, (_, index) => this.call(operation, index));
    const from = performance.now();
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, caller) => {
        for (let index = caller; index < calls.length; index += CALLERS) await calls[index]?.();
      }),
    );
    return (performance.now() - from) / CALLS_PER_ROUND;
  }

  close(): Promise<void> {
    return this.store.close();
  }

  private call(operation: Operation, index: number): () => Promise<unknown> {
    switch (operation) {
      case 'enqueue': {
        const item = this.newTask();
        if (index === 0) this.waiting = [];
        this.waiting.push(item.transition.task);
        return () => this.store.insert([item]);
      }
      case 'claim': {
        const leaseIds = [`0-${String(this.next)}-${String(index)}`];
        const request = { queues: ['default'], leaseIds, grant: { workerId: 'w1', grace: 30 } };
        if (index === 0) this.held = [];
        return async () => {
          const [claimed] = await this.store.claim(request);
          if (claimed !== undefined) this.held.push(claimed.task);
        };
      }
      case 'complete': {
        const held = this.held[index];
        return async () => {
          const task = held === undefined ? undefined : await this.store.find(held.spec.id);
          const transition =
            task?.state === 'processing'
              ? complete(task, { leaseId: task.lease.id }, this.store.clock.now())
              : undefined;
          const [isWritten] =
            transition === undefined ? [] : await this.store.replace([{ ...transition, output: '42' }]);
          if (isWritten !== true) throw new Error('A completion was refused');
        };
      }
      case 'position': {
        const task = this.waiting[index];
        return async () => (task === undefined ? undefined : this.store.views.position(task));
      }
      case 'find': {
        const id = this.waiting[index]?.spec.id ?? '';
        return () => this.store.find(id);
      }
    }
  }

  private newTask(): NewTask {
    this.next += 1;
    return benchTask(this.store, { id: `t-${String(this.next)}`, queue: 'default' });
  }
}
