import type { NewTask, TaskStore } from '../../src/storage/task-store.js';
import { complete } from '../../src/task/task.machine.js';
import type { ProcessingTask } from '../../src/task/task.js';
import { benchTask } from './bench.task.js';

const BATCH = 1000;
const GROUPS = 1_000;
/** More than the claims of one call may be. */
const LEASES_PER_CALL = 100;

/** What waits in a queue: nothing with a group, a thousand groups, or a thousand groups that are full and then plain tasks. */
export type Lanes = 'plain' | 'groups' | 'limited';

/** A queue of one store, which is kept at its depth: what is claimed in a round was enqueued before it. */
export class LanedQueue {
  private count = 0;
  private leases = 0;
  private held: ProcessingTask[] = [];

  constructor(
    private readonly store: TaskStore,
    private readonly lanes: Lanes,
  ) {}

  async fill(depth: number): Promise<void> {
    await this.enqueue(depth, this.lanes === 'plain' ? undefined : GROUPS);
    if (this.lanes !== 'limited') return;
    await this.store.settings.change(this.lanes, { maxConcurrencyPerGroup: 1 });
    while ((await this.claim(LEASES_PER_CALL)) > 0);
    // They stay held.
    if (this.held.length !== GROUPS) throw new Error(`${this.held.length} groups have a task in hand`);
    this.held = [];
  }

  /** Completes what was claimed, and enqueues what will be. */
  async refill(count: number): Promise<void> {
    const now = this.store.clock.now();
    const transitions = this.held.flatMap((task) => complete(task, { leaseId: task.lease.id }, now) ?? []);
    if ((await this.store.replace(transitions)).includes(false)) throw new Error('A completion was refused');
    this.held = [];
    await this.enqueue(count, this.lanes === 'groups' ? GROUPS : undefined);
  }

  /** How many tasks were claimed. */
  async claim(max: number): Promise<number> {
    const leaseIds = Array.from({ length: max }, () => `0-${this.lanes}-${(this.leases += 1)}`);
    const grant = { workerId: 'w1', grace: 30 };
    const claimed = await this.store.claim({ queues: [this.lanes], leaseIds, grant });
    this.held.push(...claimed.map(({ task }) => task));
    return claimed.length;
  }

  private async enqueue(count: number, groups: number | undefined): Promise<void> {
    for (let left = count; left > 0; left -= BATCH) {
      await this.store.insert(Array.from({ length: Math.min(left, BATCH) }, () => this.newTask(groups)));
    }
  }

  private newTask(groups: number | undefined): NewTask {
    this.count += 1;
    return benchTask(this.store, {
      id: `${this.lanes}-${this.count}`,
      queue: this.lanes,
      group: groups === undefined ? undefined : `g-${this.count % groups}`,
    });
  }
}
