import type { Clock } from '../../task/clock.js';
import type { Attempt, Task } from '../../task/task.js';
import {
  type Change,
  type ClaimedTask,
  type ClaimRequest,
  type JsonText,
  type KeptTask,
  type NewTask,
  type Payload,
  type ReplaceOptions,
  type StoreSettings,
  TaskStore,
} from '../task-store.js';
import type { TaskFilter } from '../task-views.js';
import type { CommittedTransition, TransitionWatcher } from '../transitions.js';
import { DEFAULT_LOG_LIMITS } from '../task-logs.js';
import { ClaimNames } from './records/claim-names.js';
import { ClearCount, TaskClearer } from './commands/task-clearer.js';
import { DueFinder } from './commands/due-finder.js';
import { DirectorySweep } from './commands/directory-sweep.js';
import { type EventOptions, CommitFeed } from './records/events.js';
import { RedisLogs } from './commands/redis-logs.js';
import { RedisOutbox } from './commands/redis-outbox.js';
import { RedisEventLog } from './commands/redis-event-log.js';
import { KnownHeads } from './records/known-heads.js';
import { IdDirectory } from './records/id-directory.js';
import { Keys, newNonce } from './records/keys.js';
import { LeaseCheck } from './commands/lease-check.js';
import { TransitionFeed } from './connection/transition-feed.js';
import { QueueNames } from './records/queue-names.js';
import { RedisClock } from './connection/redis-clock.js';
import { RedisDocuments } from './commands/redis-documents.js';
import { RedisQueueSettings } from './commands/redis-queue-settings.js';
import { Repairs } from './records/repairs.js';
import { ReservingInserter } from './commands/reserving-inserter.js';
import { StoreConnection, type StoreLink } from './connection/store-connection.js';
import type { StoreParts } from './records/store-parts.js';
import { TaskClaimer } from './commands/task-claimer.js';
import { TaskFinder } from './commands/task-finder.js';
import { type Inserter, TaskInserter } from './commands/task-inserter.js';
import { RedisViews } from './commands/redis-views.js';
import { TaskReclaimer } from './commands/task-reclaimer.js';
import { TaskRestorer } from './commands/task-restorer.js';
import { TaskWriter } from './commands/task-writer.js';

export interface RedisStoreOptions {
  /** An open link. The store closes it. */
  readonly link: StoreLink;
  readonly keyPrefix: string;
  readonly events: EventOptions;
  readonly settings: StoreSettings;
  /** Replicas of Redis that must have a write before the store acknowledges it; 0 for none. */
  readonly replicas: number;
  /** The longest time of a command, in milliseconds. */
  readonly limitMs: number;
  /** A clock instead of that of Redis, for tests. */
  readonly clock?: Clock;
  /** For tests: the most tasks that a clear removes without a mark, and whether marked tasks are ever removed. */
  readonly clears?: { readonly atOnce: number; readonly isReclaiming: boolean };
}

/**
 * A store that any number of processes share. All data is in Redis, and no process leads. Scripts decide every change,
 * one atomic step for each queue, and publish the events of a transition in the same step. While Redis is unavailable,
 * calls reject.
 */
export class RedisTaskStore extends TaskStore {
  readonly clock: Clock;
  readonly publishesEvents = true;
  override readonly eventLog: RedisEventLog;
  override readonly outbox: RedisOutbox;
  readonly failure = new Promise<Error>(() => undefined);
  readonly settings: RedisQueueSettings;
  readonly views: RedisViews;
  readonly documents: RedisDocuments;
  readonly logs: RedisLogs;
  private readonly connection: StoreConnection;
  private readonly parts: StoreParts;
  private readonly finder: TaskFinder;
  private readonly inserter: Inserter;
  private readonly writer: TaskWriter;
  private readonly claimer: TaskClaimer;
  private readonly clearer: TaskClearer;
  private readonly reclaimer: TaskReclaimer;
  private readonly dueFinder: DueFinder;
  private readonly feed: TransitionFeed;
  private readonly leaseCheck: LeaseCheck;
  private readonly directorySweep: DirectorySweep;
  private readonly clearCount: ClearCount;
  private closing: Promise<void> | undefined;

  /** @throws StoreUnavailable when Redis cannot be asked */
  static async open(options: RedisStoreOptions): Promise<RedisTaskStore> {
    const store = new RedisTaskStore(options);
    if (store.clock instanceof RedisClock) await store.clock.start();
    await store.readGeneration();
    await store.feed.start();
    await store.leaseCheck.run();
    if (store.clock instanceof RedisClock) {
      store.clock.whenStepsBack(() => void store.leaseCheck.run().catch(() => undefined));
    }
    store.directorySweep.start();
    return store;
  }

  private constructor(options: RedisStoreOptions) {
    super();
    const { link, keyPrefix, events, settings, replicas, limitMs, clock, clears } = options;
    const connection = new StoreConnection({ link, replicas, limitMs });
    const keys = new Keys(keyPrefix);
    this.connection = connection;
    this.clock = clock ?? new RedisClock(() => readTime(connection));
    this.documents = new RedisDocuments(connection, keys);
    this.parts = {
      connection,
      keys,
      directory: new IdDirectory(connection, keys),
      names: new QueueNames(connection, keys),
      claimNames: new ClaimNames(connection, keys, this.clock),
      heads: new KnownHeads(),
      repairs: new Repairs(connection, keys),
      commitFeed: new CommitFeed(),
      events,
    };
    this.clearCount = new ClearCount(connection, keys);
    this.finder = new TaskFinder(this.parts);
    this.logs = new RedisLogs(this.parts, this.finder, settings.logs ?? DEFAULT_LOG_LIMITS);
    this.inserter = link.isCluster
      ? new ReservingInserter(this.parts, this.finder)
      : new TaskInserter(this.parts);
    this.writer = new TaskWriter(this.parts, this.finder);
    this.claimer = new TaskClaimer(this.parts, this.writer, this.clock);
    this.leaseCheck = new LeaseCheck(this.parts, this.finder, this.writer, this.clock);
    this.reclaimer = new TaskReclaimer(
      this.parts,
      this.clock,
      () => this.announceClears(),
      clears?.isReclaiming,
    );
    this.clearer = new TaskClearer(
      this.parts,
      this.reclaimer,
      this.clearCount,
      (generation) => {
        this.learnGeneration(generation);
      },
      clears?.atOnce,
    );
    this.dueFinder = new DueFinder(this.parts, this.clock, settings, this.reclaimer);
    this.settings = new RedisQueueSettings(this.parts, this.clock);
    this.views = new RedisViews(this.parts, this.finder, this.clock);
    this.feed = new TransitionFeed((options) => link.subscribe(options), {
      transitions: keys.moves,
      clears: keys.generation,
      settings: keys.settings,
      marks: keys.marks,
      echo: keys.echo(newNonce()),
      onClear: (generation) => {
        this.learnGeneration(generation);
      },
    });
    this.feed.add({
      onTransitions: () => undefined,
      onGap: () => void this.readGeneration().catch(() => undefined),
    });
    this.directorySweep = new DirectorySweep(this.parts);
    this.outbox = new RedisOutbox(this.parts, this.clock);
    this.outbox.follow(this.feed);
    this.dueFinder.follow(this.feed);
    this.eventLog = new RedisEventLog(this.parts, this.feed);
    guardCalls(this, connection);
    link.onChange(() => {
      // A Redis that is available again may have lost writes.
      this.parts.heads.forgetWrites();
      this.parts.claimNames.forgetAll();
      this.feed.reportGap();
    });
  }

  get isAvailable(): boolean {
    return this.connection.isAvailable;
  }

  override get receivesEveryProcess(): boolean {
    return this.isAvailable && this.feed.isComplete;
  }

  get generation(): number {
    return this.clearCount.known;
  }

  onCommit(listener: (transitions: readonly CommittedTransition[]) => void): void {
    this.parts.commitFeed.add(listener);
  }

  protected addWatcher(watcher: TransitionWatcher): void {
    this.feed.add(watcher);
  }

  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    const present = await this.inserter.insert(items);
    await this.confirmAll(present);
    return present;
  }

  restore(items: readonly KeptTask[]): Promise<readonly boolean[]> {
    return new TaskRestorer(this.parts).restore(items);
  }

  find(id: string): Promise<Task | undefined> {
    return this.finder.find(id);
  }

  override recall(id: string): Task | undefined {
    return this.parts.heads.recall(id);
  }

  findPayload(id: string): Promise<Payload | undefined> {
    return this.finder.findPayload(id);
  }

  findCheckpoint(id: string): Promise<JsonText | undefined> {
    return this.finder.findCheckpoint(id);
  }

  findOutput(id: string): Promise<JsonText | undefined> {
    return this.finder.findOutput(id);
  }

  findAttempts(id: string): Promise<readonly Attempt[]> {
    return this.finder.findAttempts(id);
  }

  override confirm(task: Task): Promise<void> {
    return this.confirmAll([task]);
  }

  claim(request: ClaimRequest): Promise<readonly ClaimedTask[]> {
    return this.claimer.claim(request);
  }

  replace(changes: readonly Change[], options?: ReplaceOptions): Promise<readonly boolean[]> {
    return this.writer.replace(changes, options);
  }

  remove(tasks: readonly Task[]): Promise<readonly boolean[]> {
    return this.writer.remove(tasks);
  }

  clear(filter: Pick<TaskFilter, 'states' | 'queues'>): Promise<number> {
    return this.clearer.clear(filter);
  }

  /** Resolves when this process has no cleared tasks left to remove. */
  reclaimed(): Promise<void> {
    return this.reclaimer.idle();
  }

  due(limit: number): Promise<readonly Task[]> {
    return this.dueFinder.due(limit);
  }

  untilDue(): Promise<number | undefined> {
    return this.dueFinder.untilDue();
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    if (this.clock instanceof RedisClock) this.clock.stop();
    this.feed.close();
    this.directorySweep.stop();
    const stopped = this.reclaimer.stop();
    await this.connection.close();
    await stopped;
  }

  /** An existing task gets the same result as a new one. */
  private async confirmAll(tasks: readonly (Task | undefined)[]): Promise<void> {
    const queues = new Set(tasks.flatMap((task) => task?.spec.queue ?? []));
    const { connection, keys } = this.parts;
    await Promise.all([...queues].map((queue) => connection.confirm(keys.confirmation(queue))));
  }

  override latestGeneration(): Promise<number> {
    return this.clearCount.read();
  }

  /** Notifies every process of clears that it may have missed. */
  private async announceClears(): Promise<void> {
    const generation = await this.latestGeneration();
    const { generation: channel } = this.parts.keys;
    await this.connection.write((client) => client.publish(channel, generation.toString()));
  }

  private async readGeneration(): Promise<void> {
    await this.connection.during(() => this.clearCount.level());
    this.views.forgetTotals();
  }

  private learnGeneration(generation: number): void {
    this.views.forgetTotals();
    this.clearCount.learn(generation);
  }
}

/** Lets `close` wait for every call of the port. */
function guardCalls(store: RedisTaskStore, connection: StoreConnection): void {
  connection.guard(store, [
    'insert',
    'restore',
    'find',
    'findPayload',
    'findOutput',
    'findAttempts',
    'confirm',
  ]);
  connection.guard(store, ['findCheckpoint', 'confirm']);
  connection.guard(store, ['claim', 'replace', 'remove', 'clear', 'due', 'untilDue', 'latestGeneration']);
  connection.guard(store.settings, ['of', 'all', 'change', 'untilAllowed']);
  connection.guard(store.views, [
    'list',
    'counts',
    'countQueue',
    'totals',
    'depth',
    'countBatch',
    'position',
  ]);
  connection.guard(store.documents, ['get', 'put', 'remove', 'list', 'version']);
  connection.guard(store.logs, ['append', 'read', 'list', 'restore']);
  connection.guard(store.outbox, ['oldest', 'remove']);
}

async function readTime(connection: StoreConnection): Promise<number> {
  const [seconds, microseconds] = await connection.read((client) => client.time());
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
