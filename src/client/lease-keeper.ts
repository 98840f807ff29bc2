import { pause } from './abort.js';
import type { Heartbeat, KeptItem, LostItem, Progress } from './api.generated.js';
import { BOUNDS } from './bounds.js';
import type { Client } from './client.js';
import { ApiError, ClientError, InvalidRequest, LeaseLost } from './errors.js';
import type { HeartbeatThread, ThreadLease } from './heartbeat-thread.js';
import { LARGEST_BEAT, retryAfter } from './heartbeat-times.js';
import { JsonText, stringify } from './json-text.js';
import type { RunningTask } from './running-task.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';
import { textOfError } from './verdicts.js';

export interface KeeperOptions {
  readonly client: Client;
  readonly workerId: string;
  /** Called when the service asks the worker to finish its tasks and to claim no more. */
  readonly onDrain: () => void;
  readonly onError: (error: unknown) => void;
  /** Called when the service has answered. */
  readonly onAnswer: () => void;
  /** Sends the heartbeats that the event loop sends too late. */
  readonly thread?: HeartbeatThread;
  /** Seconds that a handler has after its timeout. The thread keeps its lease for as long. */
  readonly abandonAfter: number;
}

const LONGEST_TIMER_MS = 60_000;
/** The shortest delay worth reporting, for very short intervals. */
const SMALL_DELAY_MS = 500;
/** Time between two progress reports of a task. */
const PROGRESS_SPACING_MS = 1000;

const BLOCKED = 'A handler blocks the event loop';

/** A heartbeat is long overdue because a handler blocked the event loop. */
export class LateHeartbeat extends ClientError {
  readonly code = 'late_heartbeat';
}

/**
 * Sends heartbeats for all held leases with one timer. It stops a handler whose lease has expired by the steady clock,
 * even while the service is unreachable.
 */
export class LeaseKeeper {
  private readonly held = new Set<RunningTask>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isBeating = false;
  /** The last heartbeat was not answered. Progress reports wait for an answer. */
  private isUnanswered = false;

  constructor(private readonly options: KeeperOptions) {}

  add(running: RunningTask): void {
    this.held.add(running);
    this.updateThread([running]);
    this.schedule();
  }

  remove(running: RunningTask): void {
    this.held.delete(running);
    this.options.thread?.drop(running.task.lease_id);
    this.schedule();
  }

  /** Reports progress at most once a second; only the latest value in between is sent. Never rejects. */
  async report(running: RunningTask, progress: Progress): Promise<void> {
    running.progress = sendable(progress);
    if (running.isTelling) return;
    running.isTelling = true;
    await this.sendLatest(running);
    const timer = setTimeout(() => {
      running.isTelling = false;
      if (running.progress !== undefined && this.maySendProgress(running))
        void this.report(running, running.progress);
    }, PROGRESS_SPACING_MS);
    // Browsers lack this method. In Node the timer must not keep the process alive.
    (timer as { unref?: () => void }).unref?.();
  }

  private async sendLatest(running: RunningTask): Promise<void> {
    const { progress } = running;
    if (this.isUnanswered) return;
    running.progress = undefined;
    if (progress !== undefined && this.maySendProgress(running)) await this.sendProgress(running, progress);
  }

  /** Saves a checkpoint with a heartbeat, and repeats it until the service answers or the handler must stop. */
  async save(running: RunningTask, value: unknown): Promise<void> {
    const text = stringify(value);
    if (text === undefined) throw new TypeError(`a ${typeof value} is not a JSON value`);
    const checkpoint = new JsonText(text);
    for (;;) {
      running.signal.throwIfAborted();
      if (await this.beatOnce(running, { checkpoint })) return;
      await pause(retryAfter(running.interval), running.signal);
    }
  }

  private maySendProgress(running: RunningTask): boolean {
    return this.held.has(running) && !running.signal.aborted && !running.isReporting;
  }

  private async sendProgress(running: RunningTask, progress: Progress): Promise<void> {
    await this.beatOnce(running, { progress }).catch((error: unknown) => {
      this.options.onError(error);
    });
  }

  /**
   * Sends one heartbeat; returns whether the service accepted it.
   *
   * @throws InvalidRequest
   */
  private async beatOnce(running: RunningTask, beat: Heartbeat): Promise<boolean> {
    const sentAt = steadyNow();
    try {
      const limits = { patience: 0, timeout: running.interval / 1000 };
      const kept = await this.options.client.heartbeat(running.task, beat, limits);
      running.keep(kept, sentAt);
      this.updateThread([running]);
      if (kept.command === 'drain') this.options.onDrain();
      return true;
    } catch (error) {
      if (error instanceof InvalidRequest) throw error;
      if (error instanceof LeaseLost) running.lose(error.reason);
      else if (error instanceof ApiError && error.code === 'task_not_found') running.lose('cleared');
      else {
        this.isUnanswered = true;
        this.options.onError(error);
      }
      return false;
    }
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.held.size === 0) return;
    let next = Number.POSITIVE_INFINITY;
    for (const running of this.held) {
      if (!this.isBeating) next = Math.min(next, running.beatDueAt);
      if (!running.isReporting && !running.signal.aborted) next = Math.min(next, running.expiresAt);
    }
    const length = Math.min(LONGEST_TIMER_MS, Math.max(0, next - steadyNow()));
    this.timer = setTimeout(() => {
      this.tick();
    }, length);
  }

  private tick(): void {
    const now = steadyNow();
    this.takeOver();
    for (const running of this.held) if (running.expiresAt <= now) running.lose('expired');
    const [first] = this.byUrgency();
    if (first !== undefined && first.beatDueAt <= now && !this.isBeating) {
      this.reportDelay(first, now);
      void this.beat(now);
    }
    this.schedule();
  }

  private updateThread(some: readonly RunningTask[], dueAt?: Milliseconds): void {
    const leases = some
      .filter((running) => this.held.has(running))
      .map((running): ThreadLease => {
        const { eval_id, lease_id } = running.task;
        const until = running.deadline + this.options.abandonAfter * 1000;
        return { eval_id, lease_id, interval: running.interval, dueAt: dueAt ?? running.beatDueAt, until };
      });
    if (leases.length > 0) this.options.thread?.hold(leases);
  }

  /** Reports what the thread did while a handler blocked the event loop. */
  private takeOver(): void {
    const { thread, onError } = this.options;
    if (thread === undefined) return;
    const heldBy = (leaseId: string): RunningTask | undefined =>
      [...this.held].find(({ task }) => task.lease_id === leaseId);
    for (const report of thread.reports()) {
      if ('trouble' in report) {
        onError(new LateHeartbeat(`${BLOCKED}; its heartbeat was not answered: ${report.trouble}`));
        continue;
      }
      for (const { lease_id: id, item } of report.results) this.take(item, heldBy(id), report.sentAt);
      onError(
        new LateHeartbeat(`${BLOCKED}; the heartbeat thread kept its lease, but a stop signal arrives late`),
      );
    }
  }

  private byUrgency(): readonly RunningTask[] {
    return [...this.held].sort((one, other) => one.beatDueAt - other.beatDueAt);
  }

  private reportDelay({ beatDueAt, interval }: RunningTask, now: Milliseconds): void {
    const delay = now - beatDueAt;
    if (delay <= Math.max(SMALL_DELAY_MS, interval / 2)) return;
    const seconds = (length: Milliseconds): string => `${(length / 1000).toFixed(1)} s`;
    const message = `A heartbeat was ${seconds(delay)} late and leases last ${seconds(3 * interval)}. ${BLOCKED}: move its work to a worker thread or process, or request a longer lease`;
    this.options.onError(new LateHeartbeat(message));
  }

  private async beat(sentAt: Milliseconds): Promise<void> {
    this.isBeating = true;
    const beaten = this.byUrgency().slice(0, LARGEST_BEAT);
    const interval = Math.min(...beaten.map((running) => running.interval));
    // The answer may arrive until then.
    this.updateThread(beaten, sentAt + interval);
    try {
      const held = beaten.map(({ task }) => task);
      const limits = { patience: 0, timeout: interval / 1000 };
      const { results } = await this.options.client.heartbeatAll(this.options.workerId, held, limits);
      this.isUnanswered = false;
      this.options.onAnswer();
      for (const item of results) this.take(item, beaten[item.index], sentAt);
    } catch (error) {
      this.isUnanswered = true;
      this.options.onError(error);
      const retryAt = steadyNow() + retryAfter(interval);
      for (const running of beaten) running.beatDueAt = retryAt;
    } finally {
      this.isBeating = false;
      this.updateThread(beaten);
      this.schedule();
    }
  }

  private take(item: KeptItem | LostItem, running: RunningTask | undefined, sentAt: Milliseconds): void {
    if (running === undefined) return;
    if (!('problem' in item)) {
      running.keep(item, sentAt);
      if (item.command === 'drain') this.options.onDrain();
      return;
    }
    // A lost or reporting task needs no heartbeat until its handler or report has ended.
    running.beatDueAt = sentAt + running.interval;
    const { code, reason } = item.problem;
    if (code === 'lease_lost') running.lose(reason);
    else if (code === 'task_not_found') running.lose('cleared');
    else this.options.onError(new ApiError(item.problem));
  }
}

/** The part of the progress that the service accepts. */
function sendable({ percent, message }: Progress): Progress {
  const isPercent = typeof percent === 'number' && !Number.isNaN(percent);
  return {
    percent: isPercent ? Math.min(Math.max(percent, 0), 100) : undefined,
    message: message === undefined ? undefined : textOfError(message).slice(0, BOUNDS.longestMessage),
  };
}
