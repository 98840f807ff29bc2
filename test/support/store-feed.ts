import type { TaskStore } from '../../src/storage/task-store.js';
import type { CommittedTransition } from '../../src/storage/transitions.js';
import type { StoreUser } from './store-user.js';

/** Listens to a store, and waits for what it has to tell. */
export class StoreFeed {
  readonly told: CommittedTransition[] = [];
  private waiting: (() => void)[] = [];
  private sentinels = 0;

  constructor(store: TaskStore) {
    this.listenTo(store);
  }

  /** Also hears this store: the same data, opened again. */
  listenTo(store: TaskStore): void {
    store.onCommit((transitions) => {
      this.told.push(...transitions);
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  /** What was told of one task. */
  of(id: string): readonly CommittedTransition[] {
    return this.told.filter(({ task }) => task.spec.id === id);
  }

  /** As `id type sequence`, in the order of telling. */
  get lines(): readonly string[] {
    return this.told.map(({ task, type }) => `${task.spec.id} ${type} ${task.sequence}`);
  }

  /** Waits until all that was acknowledged before has been told: a last task comes after it, and is taken out again. */
  async settle(user: StoreUser): Promise<void> {
    const id = `sentinel-${++this.sentinels}`;
    const [sentinel] = await user.add({ id, queue: 'sentinels' });
    while (this.of(id).length === 0) await new Promise<void>((wake) => this.waiting.push(wake));
    this.told.splice(
      this.told.findIndex(({ task }) => task.spec.id === id),
      1,
    );
    await user.store.remove([sentinel]);
  }
}
