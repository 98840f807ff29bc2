import {
  type Change,
  type ClaimRequest,
  type KeptTask,
  type NewTask,
  TaskStore,
} from '../../../../src/storage/task-store.js';
import type { TaskFilter } from '../../../../src/storage/task-views.js';
import type { CommittedTransition, TransitionWatcher } from '../../../../src/storage/transitions.js';
import type { Task } from '../../../../src/task/task.js';

/** Several instances at the same data as one store: each call goes to the next of them. */
export class AlternatingStore extends TaskStore {
  readonly publishesEvents = true;
  private calls = 0;

  constructor(private readonly stores: readonly TaskStore[]) {
    super();
  }

  get clock() {
    return this.next().clock;
  }

  get failure() {
    return Promise.race(this.stores.map(({ failure }) => failure));
  }

  get isAvailable() {
    return this.stores.every(({ isAvailable }) => isAvailable);
  }

  get settings() {
    return this.next().settings;
  }

  get views() {
    return this.next().views;
  }

  get documents() {
    return this.next().documents;
  }

  get logs() {
    return this.next().logs;
  }

  /** The instances hear of each other's clears a moment later. */
  get generation() {
    return Math.max(...this.stores.map(({ generation }) => generation));
  }

  insert(items: readonly NewTask[]) {
    return this.next().insert(items);
  }

  restore(items: readonly KeptTask[]) {
    return this.next().restore(items);
  }

  find(id: string) {
    return this.next().find(id);
  }

  findPayload(id: string) {
    return this.next().findPayload(id);
  }

  findOutput(id: string) {
    return this.next().findOutput(id);
  }

  findCheckpoint(id: string) {
    return this.next().findCheckpoint(id);
  }

  findAttempts(id: string) {
    return this.next().findAttempts(id);
  }

  claim(request: ClaimRequest) {
    return this.next().claim(request);
  }

  replace(changes: readonly Change[]) {
    return this.next().replace(changes);
  }

  remove(tasks: readonly Task[]) {
    return this.next().remove(tasks);
  }

  clear(filter: Pick<TaskFilter, 'states' | 'queues'>) {
    return this.next().clear(filter);
  }

  due(limit: number) {
    return this.next().due(limit);
  }

  untilDue() {
    return this.next().untilDue();
  }

  onCommit(listener: (transitions: readonly CommittedTransition[]) => void) {
    for (const store of this.stores) store.onCommit(listener);
  }

  protected addWatcher(watcher: TransitionWatcher) {
    this.next().watch(watcher);
  }

  async close() {
    await Promise.all(this.stores.map((store) => store.close()));
  }

  private next(): TaskStore {
    this.calls += 1;
    const store = this.stores[this.calls % this.stores.length];
    if (store === undefined) throw new Error('There is no store');
    return store;
  }
}
