import type { KeptItem, LostItem, Progress } from './api.generated.js';
import type { Client } from './client.js';
import { ApiError, LeaseLost, NotFound } from './errors.js';
import type { RunningTask } from './running-task.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';

export interface KeeperOptions {
  readonly client: Client;
  readonly workerId: string;
  /** The service asks the worker to finish what it holds and to take no more. */
  readonly onDrain: () => void;
  readonly onError: (error: unknown) => void;
}

const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2000;
const LONGEST_TIMER_MS = 60_000;

/**
 * One timer that beats for all held leases, and stops the work whose lease has run out by the steady clock, whether the
 * service can be reached or not.
 */
export class LeaseKeeper {
  private readonly held = new Set<RunningTask>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isBeating = false;

  constructor(private readonly options: KeeperOptions) {}

  add(running: RunningTask): void {
    this.held.add(running);
    this.schedule();
  }

  remove(running: RunningTask): void {
    this.held.delete(running);
    this.schedule();
  }

  /** Tells the service how far the work is; while one report is under way, only the latest of the next is kept. */
  async tell(running: RunningTask, progress: Progress): Promise<void> {
    const isUnderWay = running.progress !== undefined;
    running.progress = progress;
    if (isUnderWay) return;
    for (let told: Progress | undefined; running.progress !== told && this.mayTell(running);) {
      told = running.progress;
      await this.tellOnce(running, told);
    }
    running.progress = undefined;
  }

  private mayTell(running: RunningTask): boolean {
    return this.held.has(running) && !running.signal.aborted && !running.isReporting;
  }

  private async tellOnce(running: RunningTask, progress: Progress): Promise<void> {
    const sentAt = steadyNow();
    try {
      const limits = { patience: 0, timeout: running.interval / 1000 };
      const kept = await this.options.client.heartbeat(running.task, { progress }, limits);
      running.keep(kept, sentAt);
      if (kept.command === 'drain') this.options.onDrain();
    } catch (error) {
      if (error instanceof LeaseLost) running.lose(error.reason);
      else if (error instanceof NotFound) running.lose('cleared');
      else this.options.onError(error);
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
    for (const running of this.held) if (running.expiresAt <= now) running.lose('expired');
    const isDue = [...this.held].some(({ beatDueAt }) => beatDueAt <= now);
    if (isDue && !this.isBeating) void this.beat(now);
    this.schedule();
  }

  private async beat(sentAt: Milliseconds): Promise<void> {
    this.isBeating = true;
    const beaten = [...this.held];
    const interval = Math.min(...beaten.map((running) => running.interval));
    try {
      const held = beaten.map(({ task }) => task);
      const limits = { patience: 0, timeout: interval / 1000 };
      const { results } = await this.options.client.heartbeatAll(this.options.workerId, held, limits);
      for (const item of results) this.take(item, beaten[item.index], sentAt);
    } catch (error) {
      this.options.onError(error);
      const retryAt = steadyNow() + Math.min(LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, interval / 4));
      for (const running of beaten) running.beatDueAt = retryAt;
    } finally {
      this.isBeating = false;
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
    // A task that is lost or being reported is not due again before its handler or its report has ended.
    running.beatDueAt = sentAt + running.interval;
    const { code, reason } = item.problem;
    if (code === 'lease_lost') running.lose(reason);
    else if (code === 'task_not_found') running.lose('cleared');
    else this.options.onError(new ApiError(item.problem));
  }
}
