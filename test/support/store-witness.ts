import type { Move, StoreWatcher, TaskStore } from '../../src/storage/task-store.js';
import type { StoreUser } from './store-user.js';

const SENTINELS = 'sentinels';

/** Watches a store, and waits for what there is to see. */
export class StoreWitness implements StoreWatcher {
  readonly seen: Move[] = [];
  disturbances = 0;
  private waiting: (() => void)[] = [];
  private sentinels = 0;

  constructor(store: TaskStore) {
    store.watch(this);
  }

  moved(moves: readonly Move[]): void {
    this.seen.push(...moves);
    for (const wake of this.waiting.splice(0)) wake();
  }

  disturbed(): void {
    this.disturbances += 1;
  }

  /** As `id state`, in the order of seeing. */
  get lines(): readonly string[] {
    return this.seen.filter(({ queue }) => queue !== SENTINELS).map(({ id, state }) => `${id} ${state}`);
  }

  /** The states of one task, in the order of seeing. */
  statesOf(id: string): readonly string[] {
    return this.seen.filter((move) => move.id === id).map(({ state }) => state);
  }

  /** Waits until all that was acknowledged before has been seen: a last task comes after it, and is taken out again. */
  async settle(user: StoreUser): Promise<void> {
    const id = `sentinel-${++this.sentinels}`;
    const [sentinel] = await user.add({ id, queue: SENTINELS });
    while (this.statesOf(id).length === 0) await new Promise<void>((wake) => this.waiting.push(wake));
    await user.store.remove([sentinel]);
  }
}
