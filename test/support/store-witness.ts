import type { TaskStore } from '../../src/storage/task-store.js';
import type { TransitionSummary, TransitionWatcher } from '../../src/storage/transitions.js';
import type { StoreUser } from './store-user.js';

/** In a Cluster the messages of each node come in order; of these queues each is on another one of three nodes. */
const SENTINELS = ['sentinels-1', 'sentinels-2', 'sentinels-3'];

/** Watches a store, and waits for what there is to see. */
export class StoreWitness implements TransitionWatcher {
  readonly seen: TransitionSummary[] = [];
  disturbances = 0;
  private waiting: (() => void)[] = [];
  private sentinels = 0;

  constructor(store: TaskStore) {
    store.watch(this);
  }

  onTransitions(transitions: readonly TransitionSummary[]): void {
    this.seen.push(...transitions);
    for (const wake of this.waiting.splice(0)) wake();
  }

  onGap(): void {
    this.disturbances += 1;
  }

  /** As `id state`, in the order of seeing. */
  get lines(): readonly string[] {
    return this.seen
      .filter(({ queue }) => !SENTINELS.includes(queue))
      .map(({ id, state }) => `${id} ${state}`);
  }

  /** The states of one task, in the order of seeing. */
  statesOf(id: string): readonly string[] {
    return this.seen.filter((transition) => transition.id === id).map(({ state }) => state);
  }

  /** Waits until all that was acknowledged before has been seen: last tasks come after it, and are taken out again. */
  async settle(user: StoreUser): Promise<void> {
    const number = ++this.sentinels;
    const last = SENTINELS.map((queue) => ({ id: `${queue}:${number}`, queue }));
    const tasks = await user.add(...last);
    for (const { id } of last) {
      while (this.statesOf(id).length === 0) await new Promise<void>((wake) => this.waiting.push(wake));
    }
    await user.store.remove(tasks);
  }
}
