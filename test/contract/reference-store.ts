import {
  type BatchCounts,
  type Change,
  type ClaimedTask,
  type ClaimRequest,
  type Committed,
  type KeptTask,
  type NewTask,
  type QueueCounts,
  type StoreSettings,
  StoreUnavailable,
  type StoreWatcher,
  type TaskFilter,
  type TaskPage,
  type TaskQuery,
  TaskStore,
} from '../../src/storage/task-store.js';
import type { Clock } from '../../src/task/clock.js';
import { claim, dueAt, type Step, tick } from '../../src/task/task.machine.js';
import {
  type Attempt,
  type FinishedTask,
  isFinished,
  type QueuedTask,
  type Task,
  TASK_STATES,
} from '../../src/task/task.js';
import { DocumentData, ReferenceDocuments } from './reference-documents.js';

interface Entry {
  task: Task;
  readonly payload: string;
  output?: string;
  readonly attempts: Attempt[];
  readonly age: number;
}

/** What outlives a restart. */
export class ReferenceData {
  readonly entries = new Map<string, Entry>();
  lastAge = 0;
  lastId = 0;
  generation = 0;
  readonly documents = new DocumentData();
}

/**
 * What a store promises, by the shortest way: one map, and a sort for every question. Nothing runs between the
 * beginning and the end of a call, so every call is atomic; nothing is durable.
 */
export class ReferenceStore extends TaskStore {
  readonly publishesEvents = false;
  readonly failure = new Promise<Error>(() => undefined);
  private readonly listeners: ((transitions: readonly Committed[]) => void)[] = [];
  protected readonly watchers: StoreWatcher[] = [];
  readonly documents: ReferenceDocuments;
  private isClosed = false;

  constructor(
    readonly clock: Clock,
    private readonly settings: StoreSettings,
    private readonly data = new ReferenceData(),
  ) {
    super();
    this.documents = new ReferenceDocuments(data.documents, () => this.requireOpen());
  }

  get isAvailable(): boolean {
    return !this.isClosed;
  }

  get generation(): number {
    return this.data.generation;
  }

  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    this.requireOpen();
    const fresh: Step[] = [];
    const answers = items.map(({ step, payload }) => {
      const { id } = step.task.spec;
      const existing = this.data.entries.get(id)?.task;
      if (existing) return existing;
      this.data.entries.set(id, { task: step.task, payload, attempts: [], age: ++this.data.lastAge });
      fresh.push(step);
      return undefined;
    });
    this.tell(fresh);
    return answers;
  }

  async restore(items: readonly KeptTask[]): Promise<readonly boolean[]> {
    this.requireOpen();
    return items.map(({ task, payload, output, attempts }) => {
      if (this.data.entries.has(task.spec.id)) return false;
      const age = ++this.data.lastAge;
      this.data.entries.set(task.spec.id, { task, payload, output, attempts: [...attempts], age });
      return true;
    });
  }

  async find(id: string): Promise<Task | undefined> {
    return this.entry(id)?.task;
  }

  async findPayload(id: string): Promise<string | undefined> {
    return this.entry(id)?.payload;
  }

  async findOutput(id: string): Promise<string | undefined> {
    return this.entry(id)?.output;
  }

  async findAttempts(id: string): Promise<readonly Attempt[]> {
    return [...(this.entry(id)?.attempts ?? [])];
  }

  async claim({ queues, leaseIds, grant }: ClaimRequest): Promise<readonly ClaimedTask[]> {
    this.requireOpen();
    const now = this.clock.now();
    const held = [...this.data.entries.values()].filter(({ task }) => {
      const isSameClaim = task.state === 'processing' && task.lease.claimId === grant.claimId;
      return isSameClaim && grant.claimId !== undefined && task.lease.expiresAt > now.steady;
    });
    const inOrder = held.toSorted(
      ({ task: one }, { task: other }) => other.spec.priority - one.spec.priority,
    );
    if (held.length > 0) return inOrder.flatMap(asClaimed);

    const steps: Step[] = [];
    const taken: Entry[] = [];
    for (const task of queues.flatMap((queue) => this.ready(queue))) {
      const leaseId = leaseIds[taken.length];
      if (leaseId === undefined) break;
      const entry = this.data.entries.get(task.spec.id);
      // A queue that was named twice is seen twice.
      if (entry?.task !== task) continue;
      const expiry = tick(task, now);
      const step = expiry ?? claim(task, { ...grant, leaseId }, now);
      if (!expiry) taken.push(entry);
      entry.task = step.task;
      steps.push(step);
    }
    this.tell(steps);
    return taken.flatMap(asClaimed);
  }

  async replace(changes: readonly Change[]): Promise<readonly boolean[]> {
    this.requireOpen();
    const steps: Step[] = [];
    const answers = changes.map(({ task, type, at, ended, output }) => {
      const entry = this.data.entries.get(task.spec.id);
      if (!entry || !isRead(entry.task, { ...task, revision: task.revision - 1 })) return false;
      entry.task = task;
      if (output !== undefined) entry.output = output;
      if (ended) entry.attempts.push(ended);
      if (type !== undefined && at !== undefined) steps.push({ task, type, at, ended });
      return true;
    });
    this.tell(steps);
    return answers;
  }

  async remove(tasks: readonly Task[]): Promise<readonly boolean[]> {
    this.requireOpen();
    return tasks.map((task) => {
      const current = this.data.entries.get(task.spec.id)?.task;
      return current !== undefined && isRead(current, task) && this.data.entries.delete(task.spec.id);
    });
  }

  async clear(filter: Pick<TaskFilter, 'states' | 'queues'>): Promise<number> {
    this.requireOpen();
    this.data.generation++;
    const gone = this.tasks().filter((task) => matches(task, filter));
    for (const task of gone) this.data.entries.delete(task.spec.id);
    return gone.length;
  }

  async position(task: Task): Promise<number | undefined> {
    this.requireOpen();
    const rank = this.ready(task.spec.queue).findIndex(({ spec }) => spec.id === task.spec.id);
    return rank === -1 ? undefined : rank + 1;
  }

  async list({ limit, cursor, ...filter }: TaskQuery): Promise<TaskPage> {
    this.requireOpen();
    if (cursor !== undefined && !/^\d+$/.test(cursor)) throw new RangeError('This is no cursor of the list');
    const before = cursor === undefined ? Infinity : Number(cursor);
    const rest = [...this.data.entries.values()].filter(
      ({ age, task }) => age < before && matches(task, filter),
    );
    const page = rest.toReversed().slice(0, limit);
    const nextCursor = rest.length > limit ? `${page.at(-1)?.age}` : undefined;
    return { tasks: page.map(({ task }) => task), nextCursor };
  }

  async counts(): Promise<readonly QueueCounts[]> {
    this.requireOpen();
    return this.count(this.tasks());
  }

  async countBatch(id: string): Promise<readonly BatchCounts[]> {
    this.requireOpen();
    const counted = this.count(this.tasks().filter(({ spec }) => spec.batchId === id));
    return counted.map(({ queue, counts }) => ({ queue, counts }));
  }

  private count(all: readonly Task[]): readonly QueueCounts[] {
    return [...new Set(all.map(({ spec }) => spec.queue))].map((queue) => {
      const tasks = all.filter(({ spec }) => spec.queue === queue);
      const count = (state: string) => [state, tasks.filter((task) => task.state === state).length];
      const counts = Object.fromEntries(TASK_STATES.map(count)) as QueueCounts['counts'];
      const oldest = tasks.find((task) => task.state === 'queued');
      return { queue, counts, oldestQueuedAt: oldest?.queuedAt };
    });
  }

  async due(limit: number): Promise<readonly Task[]> {
    this.requireOpen();
    const over = new Set<Task>(this.overLimits());
    return this.tasks()
      .filter((task) => over.has(task) || this.wait(task) <= 0)
      .slice(0, limit);
  }

  async untilDue(): Promise<number | undefined> {
    if ((await this.due(1)).length > 0) return 0;
    const next = Math.min(...this.tasks().map((task) => this.wait(task)));
    return next === Infinity ? undefined : next;
  }

  onCommit(listener: (transitions: readonly Committed[]) => void): void {
    this.listeners.push(listener);
  }

  watch(watcher: StoreWatcher): void {
    this.watchers.push(watcher);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  protected requireOpen(): void {
    if (this.isClosed) throw new StoreUnavailable('The store is closed', false);
  }

  private entry(id: string): Entry | undefined {
    this.requireOpen();
    return this.data.entries.get(id);
  }

  /** By age: a map keeps the order in which its keys came. */
  private tasks(): readonly Task[] {
    return [...this.data.entries.values()].map(({ task }) => task);
  }

  /** The queue, next one first. Sorting keeps the order by age within a priority. */
  private ready(queue: string): readonly QueuedTask[] {
    const queued = this.tasks().filter((task) => task.state === 'queued' && task.spec.queue === queue);
    return (queued as QueuedTask[]).toSorted((one, other) => other.spec.priority - one.spec.priority);
  }

  private wait(task: Task): number {
    const due = dueAt(task, this.settings.retention);
    return due ? due.at - this.clock.now()[due.scale] : Infinity;
  }

  private overLimits(): readonly Task[] {
    const ended: FinishedTask[] = this.tasks().filter(isFinished);
    const oldestFirst = ended.toSorted((one, other) => one.finishedAt - other.finishedAt);
    let bytes = oldestFirst.reduce((sum, task) => sum + this.bytes(task), 0);
    return oldestFirst.filter((task, index) => {
      const isOver =
        ended.length - index > this.settings.retentionMaxTasks || bytes > this.settings.retentionMaxBytes;
      bytes -= this.bytes(task);
      return isOver;
    });
  }

  private bytes(task: Task): number {
    const { payload = '', output = '' } = this.data.entries.get(task.spec.id) ?? {};
    return Buffer.byteLength(payload + output + JSON.stringify(task));
  }

  private tell(steps: readonly Step[]): void {
    const transitions = steps.map((step) => ({ ...step, id: ++this.data.lastId }));
    if (transitions.length === 0) return;
    for (const listener of this.listeners) listener(transitions);
    const moves = steps.map(({ task: { spec, state } }) => ({ id: spec.id, queue: spec.queue, state }));
    for (const watcher of this.watchers) watcher.moved(moves);
  }
}

/** Whether this is what the caller read: the same revision, and not of an earlier task with the same id. */
function isRead(current: Task, { revision, createdAt }: Task): boolean {
  return current.revision === revision && current.createdAt === createdAt;
}

function asClaimed({ task, payload }: Entry): readonly ClaimedTask[] {
  return task.state === 'processing' ? [{ task, payload }] : [];
}

function matches(task: Task, filter: TaskFilter): boolean {
  return (
    (filter.states?.includes(task.state) ?? true) &&
    (filter.queues?.includes(task.spec.queue) ?? true) &&
    (filter.batchId === undefined || task.spec.batchId === filter.batchId) &&
    (filter.workerId === undefined ||
      (task.state === 'processing' && task.lease.workerId === filter.workerId)) &&
    (filter.createdAfter === undefined || task.createdAt > filter.createdAfter) &&
    (filter.createdBefore === undefined || task.createdAt < filter.createdBefore)
  );
}
