import { pause } from './abort.js';
import type { HeldTask } from './answers.js';
import type { Claim } from './api.generated.js';
import { attempt, type Handler } from './attempt.js';
import { BOUNDS } from './bounds.js';
import { ClaimDesk } from './claim-desk.js';
import { CompletionDesk } from './completion-desk.js';
import { Client, type ClientOptions } from './client.js';
import { ApiError, ClientError, ConnectionFailed } from './errors.js';
import { HeartbeatThread } from './heartbeat-thread.js';
import { LeaseKeeper } from './lease-keeper.js';
import { report } from './report.js';
import { RunningTask } from './running-task.js';
import { afterwards, type Milliseconds, steadyNow } from './steady-clock.js';
import { TaskLog } from './task-log.js';
import { TaskStopped, textOfError } from './verdicts.js';

export interface WorkerEvent {
  /**
   * `stopped`: the handler was signalled to stop. `lost`: this worker no longer held the task. `draining`: the worker
   * claims no more tasks. `trouble`: an error that the worker survives, such as no answer or a rejected key; the same
   * one is reported at most once a minute, and once an outage. `recovered`: the service answers again after such an
   * outage.
   */
  readonly type:
    | 'claimed'
    | 'completed'
    | 'failed'
    | 'released'
    | 'stopped'
    | 'lost'
    | 'draining'
    | 'trouble'
    | 'recovered';
  readonly task?: HeldTask;
  /** The task's state in the service's answer to the report. */
  readonly status?: string;
  readonly error?: unknown;
}

export interface WorkerOptions {
  readonly workerId?: string;
  /** In order of preference, or by weight: `{ a: 3, b: 1 }`. */
  readonly queues?: Claim['queues'];
  /** This worker's labels. It gets only tasks whose requirements they satisfy. */
  readonly labels?: Claim['labels'];
  /** Maximum simultaneous tasks, up to 1000. Default 1. */
  readonly concurrency?: number;
  /** Length of a lease in seconds without a heartbeat. Default 30, so that a cancel arrives within ten. */
  readonly lease?: number;
  /** Seconds that a claim waits for a task, at most 60. Default 20. */
  readonly wait?: number;
  /** Seconds to keep reporting a result while the service is unreachable. Default 120. */
  readonly reportPatience?: number;
  /** Seconds that a handler has to return after its signal. After that the worker stops waiting for it. Default 10. */
  readonly abandonAfter?: number;
  /**
   * A thread sends the heartbeats that a blocked event loop sends too late. A blocking handler then keeps its lease
   * until its timeout. False saves the thread and its memory, for handlers that never block. Default true.
   */
  readonly heartbeatThread?: boolean;
  readonly onEvent?: (event: WorkerEvent) => void;
}

export interface RunOptions {
  /** Stops after this many tasks. */
  readonly maxTasks?: number;
  /** Stops when no task is ready and none is held. */
  readonly untilEmpty?: boolean;
  /**
   * Stops on these signals until `run` ends: on the first one as `stop({ grace })` does, on the second it releases the
   * held tasks. True means SIGINT and SIGTERM. Default: none.
   */
  readonly signals?: boolean | readonly StopSignal[];
  /**
   * Seconds that held tasks may continue after the first signal; until they end by default. Must be shorter than the
   * time between SIGTERM and SIGKILL of your platform.
   */
  readonly grace?: number;
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const USUAL_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];

/** Counts of a run's tasks by result. */
export interface RunSummary {
  completed: number;
  failed: number;
  released: number;
  /** Tasks that were cancelled, or whose lease was lost. */
  lost: number;
}

const MOST_AT_A_TIME = 1000;
const EMPTY_PAUSE_MS = 800;
const DEFAULT_LEASE_SECONDS = 30;
const DEFAULT_ABANDON_SECONDS = 10;
/** Maximum seconds for the report that the worker leaves. */
const LAST_CALL_SECONDS = 5;
/** Time in which an identical error is reported once. */
const TROUBLE_SPACING_MS = 60_000;

/**
 * Claims tasks into free slots, runs a handler for each, extends their leases and reports their results.
 *
 * An unanswered claim is repeated under its `claim_id`, and an unanswered report under its lease. Neither loses a task
 * nor ends one twice.
 */
export class Worker {
  readonly workerId: string;
  private readonly client: Client;
  private readonly desk: ClaimDesk;
  private readonly completions: CompletionDesk;
  private readonly keeper: LeaseKeeper;
  private readonly thread: HeartbeatThread | undefined;
  private readonly running = new Set<RunningTask>();
  /** Fires when the worker must claim no more tasks. */
  private readonly stopping = new AbortController();
  private readonly summary: RunSummary = { completed: 0, failed: 0, released: 0, lost: 0 };
  private endGrace: () => void = () => undefined;
  private readonly told = new Map<string, Milliseconds>();
  /** Reported reasons why calls fail, until the service answers. */
  private readonly outage = new Set<string>();
  private wake: () => void = () => undefined;
  private ended: Promise<RunSummary> | undefined;

  constructor(
    client: Client | ClientOptions,
    private readonly handler: Handler,
    private readonly options: WorkerOptions = {},
  ) {
    const { workerId = `worker-${crypto.randomUUID()}`, queues, labels } = options;
    const { lease = DEFAULT_LEASE_SECONDS, concurrency = 1 } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new TypeError(`concurrency must be a whole number from 1, not ${concurrency}`);
    const onError = (error: unknown): void => this.trouble(error);
    const onDrain = (): void => void this.stop();
    this.client = client instanceof Client ? client : new Client(client);
    this.completions = new CompletionDesk(this.client);
    this.workerId = workerId;
    const claim = { worker_id: workerId, queues, labels, lease };
    const onAnswer = (): void => this.recover();
    const common = { client: this.client, onError, onAnswer, onDrain };
    this.desk = new ClaimDesk({ ...common, claim, signal: this.stopping.signal });
    const { heartbeatThread = true, abandonAfter = DEFAULT_ABANDON_SECONDS } = options;
    if (heartbeatThread) this.thread = new HeartbeatThread({ client: this.client, workerId, onError });
    this.keeper = new LeaseKeeper({ ...common, workerId, thread: this.thread, abandonAfter });
  }

  /**
   * Works until it is stopped, drained, or has reached the limits of the options. Call it once per worker.
   *
   * @throws InvalidRequest for a claim that the service always rejects, after the held tasks have ended
   */
  run(options: RunOptions = {}): Promise<RunSummary> {
    this.ended ??= this.work(options);
    return this.ended;
  }

  /**
   * Stops claiming. Held tasks may continue for `grace` seconds, or until they end by default, and are then stopped and
   * released. May be called again with a shorter grace. Resolves when the worker holds no task.
   */
  async stop({ grace }: { readonly grace?: number } = {}): Promise<void> {
    if (this.isTaking) this.emit({ type: 'draining' });
    this.stopping.abort();
    this.wake();
    if (grace !== undefined) {
      this.endGrace();
      if (grace > 0) this.endGrace = afterwards(grace * 1000, () => this.giveBackAll());
      else this.giveBackAll();
    }
    // `run` reports the result to its own caller.
    await this.ended?.catch(() => undefined);
  }

  private get isTaking(): boolean {
    return !this.stopping.signal.aborted;
  }

  private async work(options: RunOptions): Promise<RunSummary> {
    this.thread?.start();
    const ignoreSignals = this.stopOnSignals(options);
    try {
      await this.claimOn(options);
    } finally {
      while (this.running.size > 0) await this.slotFreed();
      this.endGrace();
      await this.thread?.close();
      await this.leave();
      ignoreSignals();
    }
    return this.summary;
  }

  private stopOnSignals({ signals = false, grace }: RunOptions): () => void {
    const names = signals === true ? USUAL_SIGNALS : signals || [];
    let count = 0;
    const stop = (): void => {
      count += 1;
      void this.stop({ grace: count === 1 ? grace : 0 });
    };
    for (const name of names) process.on(name, stop);
    return () => {
      for (const name of names) process.off(name, stop);
    };
  }

  private async claimOn({
    maxTasks = Number.POSITIVE_INFINITY,
    untilEmpty = false,
  }: RunOptions): Promise<void> {
    const wait = untilEmpty ? 0 : (this.options.wait ?? 20);
    let left = maxTasks;
    while (this.isTaking && left > 0) {
      const free = Math.min(this.freeSlots, left);
      if (free === 0) {
        await this.slotFreed();
        continue;
      }
      const askedAt = steadyNow();
      const { tasks: claimed, since } = await this.desk.claim(free, wait);
      left = Math.max(0, left - claimed.length);
      for (const task of claimed) this.start(task, since);
      if (claimed.length > 0) continue;
      if (untilEmpty && this.running.size === 0) return;
      // A service that is shutting down, or drains this worker, answers a poll at once.
      if (steadyNow() - askedAt < EMPTY_PAUSE_MS)
        await Promise.race([this.slotFreed(), pause(EMPTY_PAUSE_MS)]);
    }
  }

  private get freeSlots(): number {
    const concurrency = Math.min(MOST_AT_A_TIME, this.options.concurrency ?? 1);
    return Math.max(0, Math.min(BOUNDS.largestClaim, concurrency - this.running.size));
  }

  private slotFreed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private start(task: HeldTask, since: Milliseconds): void {
    const running = new RunningTask(task, since);
    this.running.add(running);
    this.keeper.add(running);
    running.signal.addEventListener('abort', () =>
      this.emit({ type: 'stopped', task, error: running.stopped }),
    );
    this.emit({ type: 'claimed', task });
    void this.carryOut(running).finally(() => {
      this.keeper.remove(running);
      this.running.delete(running);
      this.wake();
    });
  }

  private async carryOut(running: RunningTask): Promise<void> {
    const { task } = running;
    const onRetry = (error: unknown): void => this.trouble(error);
    const limits = { patience: this.options.reportPatience ?? 120, isStubborn: true, onRetry };
    // Not stubborn: a service that knows no logs must not delay the result.
    const log = new TaskLog(this.client, task, { patience: limits.patience, onRetry });
    const verdict = await attempt(running, {
      handler: this.handler,
      progress: (progress) => this.keeper.report(running, progress),
      checkpoint: (value) => this.keeper.save(running, value),
      log: (text) => log.write(text),
      putArtifact: (name, content, options) =>
        this.client.artifacts.put({ ...task, name }, content, { signal: running.signal, ...options }),
      abandonAfter: this.options.abandonAfter ?? DEFAULT_ABANDON_SECONDS,
    });
    running.isReporting = true;
    // Before the report, which ends the lease.
    if (verdict.kind === 'lost') log.abandon();
    else await log.flush();
    try {
      const { kind, status } = await report(
        { client: this.client, desk: this.completions },
        { task, verdict },
        limits,
      );
      if (status !== undefined) this.recover();
      this.summary[kind] += 1;
      this.emit({ type: kind, task, status, error: running.stopped });
    } catch (error) {
      this.summary.lost += 1;
      this.emit({ type: 'lost', task, error });
    }
  }

  private giveBackAll(): void {
    for (const running of this.running) {
      const message = `The worker is stopping and releases task ${running.task.eval_id}`;
      running.stop(new TaskStopped('shutdown', message));
    }
  }

  /** Reports that the worker leaves, so that operators see it as gone and not as silent. */
  private async leave(): Promise<void> {
    const limits = { patience: 0, timeout: LAST_CALL_SECONDS };
    // Without the report, the service treats the silent worker as gone after a while.
    await this.client.workers.leave(this.workerId, limits).catch(() => undefined);
  }

  /** Reports an error at most once a minute; an outage once, until the service answers again. */
  private trouble(error: unknown): void {
    const kind = error instanceof ClientError ? error.code : String((error as Error | undefined)?.name);
    const now = steadyNow();
    if (this.outage.has(kind)) return;
    if (now - (this.told.get(kind) ?? Number.NEGATIVE_INFINITY) < TROUBLE_SPACING_MS) return;
    this.told.set(kind, now);
    if (error instanceof ConnectionFailed || error instanceof ApiError) this.outage.add(kind);
    this.emit({ type: 'trouble', error });
  }

  private recover(): void {
    if (this.outage.size === 0) return;
    this.outage.clear();
    this.emit({ type: 'recovered' });
  }

  private emit(event: WorkerEvent): void {
    try {
      this.options.onEvent?.(event);
    } catch (error) {
      // An error of the listener affects no task. Node shows it as a warning.
      process.emitWarning(`onEvent threw: ${textOfError(error)}`, 'WorkerListenerWarning');
    }
  }
}
