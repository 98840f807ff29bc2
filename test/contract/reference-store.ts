import {
  type Change,
  type ClaimedTask,
  type ClaimRequest,
  type KeptTask,
  type NewTask,
  type StoreSettings,
  StoreUnavailable,
  TaskStore,
} from '../../src/storage/task-store.js';
import { type ConfiguredQueue, QueueSettingsStore } from '../../src/storage/queue-settings-store.js';
import {
  type BatchCounts,
  type QueueCounts,
  type TaskFilter,
  type TaskPage,
  type TaskQuery,
  TaskViews,
} from '../../src/storage/task-views.js';
import type { CommittedTransition, TransitionWatcher } from '../../src/storage/transitions.js';
import { DEFAULT_LOG_LIMITS } from '../../src/storage/task-logs.js';
import type { Clock, Moment } from '../../src/task/clock.js';
import { PROBE_INTERVAL_MS } from '../../src/task/outage-guard.js';
import {
  changeSettings,
  hasOutage,
  type QueueSettings,
  type QueueSettingsChange,
} from '../../src/task/queue-settings.js';
import { emptyBucket, untilToken, withoutToken } from '../../src/task/rate-limit.js';
import { type Labels, Offer, signatureOf } from '../../src/task/requirements.js';
import { claim, dueAt, type Transition, tick } from '../../src/task/task.machine.js';
import {
  type Attempt,
  type FinishedTask,
  isFinished,
  priorityOf,
  type QueuedTask,
  type Task,
} from '../../src/task/task.js';
import { TASK_STATES } from '../../src/task/task-state.js';
import { DocumentData, ReferenceDocuments } from './reference-documents.js';
import { keptOf, ReferenceLogs, type WholeLog } from './reference-logs.js';

interface Entry {
  task: Task;
  readonly payload: string;
  output?: string;
  checkpoint?: string | undefined;
  readonly attempts: Attempt[];
  readonly logs: Map<number, WholeLog>;
  readonly age: number;
}

/** What is set for a queue, the bucket of its rate, and the turns of its groups by priority. */
class Flow {
  settings: QueueSettings = {};
  fullAt = -Infinity;
  probeAt = -Infinity;
  lastTurn = 0;
  readonly turns = new Map<string, number>();
}

/** What outlives a restart. */
export class ReferenceData {
  readonly entries = new Map<string, Entry>();
  lastAge = 0;
  lastId = 0;
  generation = 0;
  readonly flows = new Map<string, Flow>();
  readonly documents = new DocumentData();
  readonly bytes = new WeakMap<Task, number>();
  private readonly readyIds = new Map<string, Set<string>>();

  flowOf(queue: string): Flow {
    const flow = this.flows.get(queue) ?? new Flow();
    this.flows.set(queue, flow);
    return flow;
  }

  /** What a driver may forget when it is opened again: turns, and how full buckets are. */
  forget(now: Moment): void {
    for (const flow of this.flows.values()) {
      flow.turns.clear();
      if (flow.settings.rateLimit) flow.fullAt = emptyBucket(flow.settings.rateLimit, now.steady);
    }
    for (const { task } of this.entries.values()) this.giveTurn(task);
  }

  /** Lets a task that was written take its place in the round of its queue: groups with something ready have a turn. */
  giveTurn(task: Task): void {
    const { queue } = task.spec;
    const flow = this.flowOf(queue);
    const round = roundOf(task);
    if (this.countReady(task) === 0) flow.turns.delete(round);
    else if (!flow.turns.has(round)) flow.turns.set(round, ++flow.lastTurn);
  }

  /** By age: a map keeps the order in which its keys came. */
  tasks(): readonly Task[] {
    return [...this.entries.values()].map(({ task }) => task);
  }

  /** What waits in the queue, oldest first. */
  ready(queue: string): readonly QueuedTask[] {
    return this.tasks().filter((task): task is QueuedTask => isReady(task, queue));
  }

  /** How many tasks are ready where this one, just written, has its place. Kept, since every write asks. */
  private countReady(task: Task): number {
    const { id, queue } = task.spec;
    const place = `${queue} ${roundOf(task)}`;
    const ready = this.readyIds.get(place) ?? new Set();
    const current = this.entries.get(id)?.task;
    if (current !== undefined && isReady(current, queue)) ready.add(id);
    else ready.delete(id);
    this.readyIds.set(place, ready);
    return ready.size;
  }
}

/** Lists, counts and positions of the reference store. */
class ReferenceViews extends TaskViews {
  constructor(
    private readonly data: ReferenceData,
    private readonly requireOpen: () => void,
  ) {
    super();
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
    return this.count(this.data.tasks());
  }

  async depth(queue: string): Promise<number> {
    this.requireOpen();
    const isWaiting = (task: Task) => task.state === 'queued' || task.state === 'delayed';
    return this.data.tasks().filter((task) => task.spec.queue === queue && isWaiting(task)).length;
  }

  async countBatch(id: string, queues?: readonly string[]): Promise<readonly BatchCounts[]> {
    this.requireOpen();
    const counted = this.count(this.data.tasks().filter((task) => matches(task, { batchId: id, queues })));
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

  async position(asked: Task): Promise<number | undefined> {
    const { id, queue, group } = asked.spec;
    const priority = priorityOf(asked);
    this.requireOpen();
    const ready = this.data.ready(queue);
    const level = ready.filter((task) => priorityOf(task) === priority);
    const rank = level.filter(({ spec }) => spec.group === group).findIndex(({ spec }) => spec.id === id);
    if (rank === -1) return undefined;
    const groups = new Set(level.map(({ spec }) => spec.group)).size;
    const own = Math.min((rank + 1) * groups, level.length);
    const { priorityAgeing } = this.data.flowOf(queue).settings;
    if (priorityAgeing === undefined) return own + ready.filter((task) => priorityOf(task) > priority).length;
    // What is more urgent than the least urgent one that this task waits for in its own level.
    const urgency = (task: Task) => priorityOf(task) * priorityAgeing * 1000 - task.createdAt;
    const laneOf = ({ spec }: Task) => JSON.stringify([spec.group, signatureOf(spec.requires)]);
    const others = level.filter(({ spec }) => spec.group !== group);
    const waitedFor = [...new Set(others.map(laneOf))].flatMap((name) => {
      const lane = others.filter((task) => laneOf(task) === name);
      return lane[Math.min(rank, lane.length - 1)] ?? [];
    });
    const self = level.filter(({ spec }) => spec.id === id);
    const until = Math.min(...[...self, ...waitedFor].map(urgency));
    const isAhead = (task: Task) =>
      urgency(task) > until || (urgency(task) === until && priorityOf(task) > priority);
    return own + ready.filter((task) => priorityOf(task) !== priority && isAhead(task)).length;
  }
}

/** Queue settings of the reference store. */
class ReferenceSettings extends QueueSettingsStore {
  constructor(
    private readonly data: ReferenceData,
    private readonly clock: Clock,
    private readonly requireOpen: () => void,
    private readonly onChange: (queue: string) => void,
  ) {
    super();
  }

  async of(queue: string): Promise<QueueSettings> {
    this.requireOpen();
    return this.data.flowOf(queue).settings;
  }

  async all(): Promise<readonly ConfiguredQueue[]> {
    this.requireOpen();
    const all = [...this.data.flows].map(([queue, { settings }]) => ({ queue, settings }));
    return all.filter(({ settings }) => Object.keys(settings).length > 0);
  }

  async change(queue: string, change: QueueSettingsChange): Promise<QueueSettings> {
    this.requireOpen();
    const flow = this.data.flowOf(queue);
    const { rateLimit: before } = flow.settings;
    flow.settings = changeSettings(flow.settings, change);
    const { rateLimit } = flow.settings;
    if (!rateLimit) flow.fullAt = -Infinity;
    else if (before && (before.tasks !== rateLimit.tasks || before.per !== rateLimit.per))
      flow.fullAt = emptyBucket(rateLimit, this.clock.now().steady);
    this.onChange(queue);
    return flow.settings;
  }

  async untilAllowed(queue: string): Promise<number> {
    this.requireOpen();
    const { settings, fullAt, probeAt } = this.data.flowOf(queue);
    const { steady } = this.clock.now();
    const untilProbe = hasOutage(settings) ? Math.max(probeAt - steady, 0) : 0;
    return Math.max(untilProbe, settings.rateLimit ? untilToken(settings.rateLimit, fullAt, steady) : 0);
  }
}

/**
 * What a store promises, by the shortest way: one map, and a sort for every question. Nothing runs between the
 * beginning and the end of a call, so every call is atomic; nothing is durable.
 */
export class ReferenceStore extends TaskStore {
  readonly publishesEvents = false;
  readonly failure = new Promise<Error>(() => undefined);
  private readonly listeners: ((transitions: readonly CommittedTransition[]) => void)[] = [];
  protected readonly watchers: TransitionWatcher[] = [];
  readonly settings: QueueSettingsStore;
  readonly views: TaskViews;
  readonly documents: ReferenceDocuments;
  readonly logs: ReferenceLogs;
  private isClosed = false;

  constructor(
    readonly clock: Clock,
    private readonly storeSettings: StoreSettings,
    private readonly data = new ReferenceData(),
  ) {
    super();
    const requireOpen = () => {
      this.requireOpen();
    };
    this.views = new ReferenceViews(data, requireOpen);
    this.settings = new ReferenceSettings(data, clock, requireOpen, (queue) => {
      for (const watcher of this.watchers) watcher.onLimitsRelaxed?.(queue);
    });
    this.documents = new ReferenceDocuments(data.documents, () => this.requireOpen());
    this.logs = new ReferenceLogs(
      (id) => this.entry(id),
      (task) => this.data.bytes.delete(task),
      storeSettings.logs ?? DEFAULT_LOG_LIMITS,
    );
  }

  get isAvailable(): boolean {
    return !this.isClosed;
  }

  get generation(): number {
    return this.data.generation;
  }

  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    this.requireOpen();
    const fresh: Transition[] = [];
    const answers = items.map(({ transition, payload }) => {
      const { id } = transition.task.spec;
      const existing = this.data.entries.get(id)?.task;
      if (existing) return existing;
      this.data.entries.set(id, {
        task: transition.task,
        payload,
        attempts: [],
        logs: new Map(),
        age: ++this.data.lastAge,
      });
      this.data.giveTurn(transition.task);
      fresh.push(transition);
      return undefined;
    });
    this.publish(fresh);
    return answers;
  }

  async restore(items: readonly KeptTask[]): Promise<readonly boolean[]> {
    this.requireOpen();
    return items.map(({ task, payload, output, checkpoint, attempts }) => {
      if (this.data.entries.has(task.spec.id)) return false;
      const age = ++this.data.lastAge;
      this.data.entries.set(task.spec.id, {
        ...{ task, payload, output, checkpoint, age },
        attempts: [...attempts],
        logs: new Map(),
      });
      this.data.giveTurn(task);
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

  async findCheckpoint(id: string): Promise<string | undefined> {
    return this.entry(id)?.checkpoint;
  }

  async findAttempts(id: string): Promise<readonly Attempt[]> {
    return [...(this.entry(id)?.attempts ?? [])];
  }

  async claim({ queues, leaseIds, labels, grant }: ClaimRequest): Promise<readonly ClaimedTask[]> {
    this.requireOpen();
    const now = this.clock.now();
    const held = [...this.data.entries.values()].filter(({ task }) => {
      const isSameClaim = task.state === 'processing' && task.lease.claimId === grant.claimId;
      return isSameClaim && grant.claimId !== undefined && task.lease.expiresAt > now.steady;
    });
    const inOrder = held.toSorted(({ task: one }, { task: other }) => priorityOf(other) - priorityOf(one));
    if (held.length > 0) return inOrder.flatMap(asClaimed);

    const transitions: Transition[] = [];
    const taken: Entry[] = [];
    for (const queue of queues) {
      for (let task = this.next(queue, labels); task !== undefined; task = this.next(queue, labels)) {
        const leaseId = leaseIds[taken.length];
        const entry = this.data.entries.get(task.spec.id);
        if (leaseId === undefined || entry === undefined) break;
        const expiry = tick(task, now);
        const transition = expiry ?? claim(task, { ...grant, leaseId }, now);
        entry.task = transition.task;
        transitions.push(transition);
        if (!expiry) {
          taken.push(entry);
          this.serve(task);
        }
        this.data.giveTurn(transition.task);
      }
    }
    this.publish(transitions);
    return taken.flatMap(asClaimed);
  }

  async replace(changes: readonly Change[]): Promise<readonly boolean[]> {
    this.requireOpen();
    const transitions: Transition[] = [];
    const answers = changes.map(({ task, type, at, ended, output, checkpoint }) => {
      const entry = this.data.entries.get(task.spec.id);
      if (!entry || !isRead(entry.task, { ...task, revision: task.revision - 1 })) return false;
      entry.task = task;
      if (output !== undefined) entry.output = output;
      if (checkpoint !== undefined) entry.checkpoint = checkpoint.text;
      if (ended) entry.attempts.push(ended);
      this.data.giveTurn(task);
      if (type !== undefined && at !== undefined) transitions.push({ task, type, at, ended });
      return true;
    });
    this.publish(transitions);
    return answers;
  }

  async remove(tasks: readonly Task[]): Promise<readonly boolean[]> {
    this.requireOpen();
    return tasks.map((task) => {
      const current = this.data.entries.get(task.spec.id)?.task;
      if (current === undefined || !isRead(current, task)) return false;
      this.data.entries.delete(task.spec.id);
      this.data.giveTurn(task);
      return true;
    });
  }

  async clear(filter: Pick<TaskFilter, 'states' | 'queues'>): Promise<number> {
    this.requireOpen();
    this.data.generation++;
    const gone = this.data.tasks().filter((task) => matches(task, filter));
    for (const task of gone) this.data.entries.delete(task.spec.id);
    for (const task of gone) this.data.giveTurn(task);
    for (const watcher of this.watchers) watcher.onLimitsRelaxed?.(undefined);
    return gone.length;
  }

  async due(limit: number): Promise<readonly Task[]> {
    this.requireOpen();
    const over = new Set<Task>(this.overLimits());
    return this.data
      .tasks()
      .filter((task) => over.has(task) || this.wait(task) <= 0)
      .slice(0, limit);
  }

  async untilDue(): Promise<number | undefined> {
    if ((await this.due(1)).length > 0) return 0;
    const next = Math.min(...this.data.tasks().map((task) => this.wait(task)));
    return next === Infinity ? undefined : next;
  }

  onCommit(listener: (transitions: readonly CommittedTransition[]) => void): void {
    this.listeners.push(listener);
  }

  protected addWatcher(watcher: TransitionWatcher): void {
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

  /** The task that a worker with these labels gets next: the best of all that nothing holds back. */
  private next(queue: string, labels: Labels | undefined): QueuedTask | undefined {
    const { settings, fullAt, probeAt, turns } = this.data.flowOf(queue);
    const { paused, maxConcurrency = Infinity, maxConcurrencyPerGroup = Infinity, rateLimit } = settings;
    const now = this.clock.now();
    const active = this.data
      .tasks()
      .filter(({ state, spec }) => state === 'processing' && spec.queue === queue);
    const hasToken = !rateLimit || untilToken(rateLimit, fullAt, now.steady) === 0;
    if (hasOutage(settings) && probeAt > now.steady) return undefined;
    if (paused || active.length >= maxConcurrency || !hasToken) return undefined;
    const isFull = (group: string | undefined) =>
      group !== undefined &&
      active.filter(({ spec }) => spec.group === group).length >= maxConcurrencyPerGroup;
    const offer = new Offer(labels);
    const turn = (task: Task) => turns.get(roundOf(task)) ?? NaN;
    // The oldest of the group whose turn it is, by priority.
    const heads = new Map<number, QueuedTask>();
    for (const task of this.data.ready(queue)) {
      const { group, requires } = task.spec;
      const priority = priorityOf(task);
      const head = heads.get(priority);
      const isBehind = head !== undefined && (head.spec.group === group || turn(head) < turn(task));
      if (!isBehind && !isFull(group) && offer.satisfies(signatureOf(requires))) heads.set(priority, task);
    }
    const { priorityAgeing: ageing } = settings;
    // All tasks age alike, so the order of two of them never changes.
    const urgency = (task: Task) =>
      ageing === undefined ? priorityOf(task) : priorityOf(task) * ageing * 1000 - task.createdAt;
    return [...heads.values()]
      .toSorted((one, other) => priorityOf(other) - priorityOf(one))
      .toSorted((one, other) => urgency(other) - urgency(one))[0];
  }

  /** A task is handed out: it costs a token, and its group goes to the end of the round. */
  private serve(task: Task): void {
    const flow = this.data.flowOf(task.spec.queue);
    const { rateLimit } = flow.settings;
    if (rateLimit) flow.fullAt = withoutToken(rateLimit, flow.fullAt, this.clock.now().steady);
    if (hasOutage(flow.settings)) flow.probeAt = this.clock.now().steady + PROBE_INTERVAL_MS;
    flow.turns.set(roundOf(task), ++flow.lastTurn);
  }

  private wait(task: Task): number {
    const due = dueAt(task, this.storeSettings.retention);
    return due ? due.at - this.clock.now()[due.scale] : Infinity;
  }

  private overLimits(): readonly Task[] {
    const ended: FinishedTask[] = this.data.tasks().filter(isFinished);
    const oldestFirst = ended.toSorted((one, other) => one.finishedAt - other.finishedAt);
    let bytes = oldestFirst.reduce((sum, task) => sum + this.bytes(task), 0);
    return oldestFirst.filter((task, index) => {
      const isOver =
        ended.length - index > this.storeSettings.retentionMaxTasks ||
        bytes > this.storeSettings.retentionMaxBytes;
      bytes -= this.bytes(task);
      return isOver;
    });
  }

  /** Output and attempts change with their task, which is another object then. */
  private bytes(task: Task): number {
    const known = this.data.bytes.get(task);
    if (known !== undefined) return known;
    const entry = this.data.entries.get(task.spec.id);
    const { payload = '', output = '', checkpoint = '', attempts = [], logs = new Map() } = entry ?? {};
    const texts = payload + output + checkpoint + JSON.stringify(task) + JSON.stringify(attempts);
    const bytes = Buffer.byteLength(texts) + keptOf(logs);
    this.data.bytes.set(task, bytes);
    return bytes;
  }

  private publish(transitions: readonly Transition[]): void {
    const committed = transitions.map((transition) => ({ ...transition, id: ++this.data.lastId }));
    if (committed.length === 0) return;
    for (const listener of this.listeners) listener(committed);
    const summaries = committed.map(({ task: { spec, state } }) => ({
      id: spec.id,
      queue: spec.queue,
      state,
    }));
    for (const watcher of this.watchers) watcher.onTransitions(summaries);
  }
}

/** Whether this is what the caller read: the same revision, and not of an earlier task with the same id. */
function isRead(current: Task, { revision, createdAt }: Task): boolean {
  return current.revision === revision && current.createdAt === createdAt;
}

function isReady(task: Task, queue: string): boolean {
  return task.state === 'queued' && task.spec.queue === queue;
}

/** Which tasks take turns with which: the groups of a priority. */
function roundOf(task: Task): string {
  const { group = '' } = task.spec;
  const priority = priorityOf(task);
  return `${priority} ${group}`;
}

function asClaimed({ task, payload, checkpoint }: Entry): readonly ClaimedTask[] {
  if (task.state !== 'processing') return [];
  return [checkpoint === undefined ? { task, payload } : { task, payload, checkpoint }];
}

function matches(task: Task, filter: TaskFilter): boolean {
  return (
    (filter.states?.includes(task.state) ?? true) &&
    (filter.queues?.includes(task.spec.queue) ?? true) &&
    (filter.group === undefined || task.spec.group === filter.group) &&
    (filter.batchId === undefined || task.spec.batchId === filter.batchId) &&
    (filter.workerId === undefined ||
      (task.state === 'processing' && task.lease.workerId === filter.workerId)) &&
    (filter.createdAfter === undefined || task.createdAt > filter.createdAfter) &&
    (filter.createdBefore === undefined || task.createdAt < filter.createdBefore)
  );
}
