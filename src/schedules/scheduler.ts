import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpLimits } from '../http/http-limits.js';
import { turns } from '../http/turns.js';
import { QueueFull } from '../queue/depth-gate.js';
import { QueueService } from '../queue/queue.service.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { StoreUnavailable } from '../storage/task-store.js';
import { Clock, type Instant, isAhead } from '../task/clock.js';
import { TaskConflict, TaskDamaged, TaskNotFound } from '../task/task.errors.js';
import { CronTimes } from './cron-times.js';
import { dueTimes, ON_TIME_MS } from './due-times.js';
import { type Schedule, spareTaskIdAt, taskIdAt } from './schedule.js';
import { ScheduleStore } from './schedule-store.js';
import { taskOf } from './scheduled-task.js';

/** Milliseconds within which a process sees the edits of others. */
const LOOK_MS = 1_000;
/** Milliseconds until a schedule that failed is tried again. */
const RETRY_MS = 60_000;
/** Tasks that are enqueued at once: few, as each may be large. */
const CHUNK = 20;

/** What is remembered of a schedule. A schedule is read when it may be due. */
interface Entry {
  /** Changes with every edit. */
  readonly revision: number;
  /** When to read it next: at once after the start and after an edit. */
  next: Instant;
}

/**
 * Enqueues a task for every due time. All processes do so without a leader: they give the task of a due time the same
 * name, so duplicates are detected. A process that crashes before it stores the progress causes a harmless repetition.
 */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Scheduler.name);
  private entries = new Map<string, Entry>();
  private version: number | undefined;
  private lastPass: Instant | undefined;
  private readonly loop: BackgroundLoop;

  constructor(
    private readonly store: ScheduleStore,
    private readonly queue: QueueService,
    private readonly clock: Clock,
    private readonly limits: HttpLimits,
  ) {
    this.loop = new BackgroundLoop({
      clock,
      pass: () => this.pass(),
      longestMs: LOOK_MS,
      failure: 'Scheduling failed',
      logger: this.logger,
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  /** Enqueues all tasks that are due now. */
  async run(): Promise<void> {
    await this.loop.run();
  }

  /** Returns the milliseconds until the next due time. */
  private async pass(): Promise<number> {
    await this.reload();
    const now = this.clock.now().wall;
    // The clock was set back, so schedules may be due earlier than computed.
    if (isAhead(this.lastPass, now)) for (const entry of this.entries.values()) entry.next = -Infinity;
    this.lastPass = now;
    const end = this.clock.now().steady + LOOK_MS;
    for (const [id, entry] of this.dueBy(now)) {
      if (this.loop.isStopped || this.clock.now().steady >= end) break;
      // One in a turn: a due time takes up to a millisecond to compute.
      entry.next = await turns.do(() => this.fireSafely(id));
    }
    let next = Infinity;
    for (const entry of this.entries.values()) next = Math.min(next, entry.next);
    return Math.max(next - this.clock.now().wall, 1);
  }

  /** What may be due. After the start all schedules are unread; those that are known to be due come first. */
  private dueBy(now: Instant): (readonly [string, Entry])[] {
    const due = [...this.entries].filter(([, { next }]) => next <= now);
    const isUnread = ([, { next }]: (typeof due)[number]) => next === -Infinity;
    return [...due.filter((each) => !isUnread(each)), ...due.filter(isUnread)];
  }

  /** Looks for new and edited schedules after an edit. */
  private async reload(): Promise<void> {
    const version = await this.store.version();
    if (version === this.version) return;
    const entries = new Map<string, Entry>();
    for (const [id, revision] of await this.store.revisions()) {
      const known = this.entries.get(id);
      entries.set(id, known?.revision === revision ? known : { revision, next: -Infinity });
    }
    this.entries = entries;
    this.version = version;
  }

  /** `fire`, which one bad schedule does not stop. */
  private async fireSafely(id: string): Promise<Instant> {
    try {
      return await this.fire(id);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      this.logger.error(`Schedule ${id} failed`, (error as Error).stack);
      return this.clock.now().wall + RETRY_MS;
    }
  }

  /**
   * Enqueues a task for each due time of a schedule.
   *
   * @returns when the schedule is due next; soon if the queue is full
   */
  private async fire(id: string): Promise<Instant> {
    const now = this.clock.now().wall;
    const { schedule, run, revision } = await this.plausible(id, now);
    if (schedule === undefined || schedule.isPaused) return Infinity;
    const times = CronTimes.of(schedule.cron, schedule.timezone);
    const since = Math.max(schedule.since, run?.until ?? 0);
    const first = times.after(since) ?? Infinity;
    if (first > now) return first;
    const due = dueTimes(times, schedule.catchUp, { since, now });
    const last = due.at(-1);
    if (last === undefined) return times.after(now) ?? Infinity;
    const names = new Map<Instant, string>();
    for (let start = 0; start < due.length; start += CHUNK) {
      const refused = await this.enqueue(schedule, due.slice(start, start + CHUNK), names);
      // The queue is full: the rest is retried, as far as the catch-up policy allows.
      if (refused !== undefined) {
        const done = due.filter((time) => time < refused).at(-1);
        if (done !== undefined)
          await this.store.putRun(id, { until: done, taskId: names.get(done) }, revision);
        return now + LOOK_MS;
      }
    }
    await this.store.putRun(id, { until: last, taskId: names.get(last) }, revision);
    return times.after(now) ?? Infinity;
  }

  /**
   * A schedule with its progress. Progress in the future was stored under a wrong clock and would silence the schedule
   * until then, so it is corrected first. Only due times that are still on time are then made up, as the earlier runs
   * are unknown.
   */
  private async plausible(id: string, now: Instant) {
    for (;;) {
      const [{ value: schedule, revision: edition }, { value: run, revision }] = await Promise.all([
        this.store.find(id),
        this.store.findRun(id),
      ]);
      const since = now - ON_TIME_MS;
      if (schedule !== undefined && isAhead(schedule.since, now)) {
        await this.store.put({ ...schedule, since, updatedAt: now }, edition);
      } else if (run !== undefined && isAhead(run.until, now)) {
        await this.store.putRun(id, { until: since, taskId: null }, revision);
      } else return { schedule, run, revision };
    }
  }

  /**
   * Enqueues the runs. If a task in another queue has the usual name of a run, the run gets a spare name. So no queue
   * can block the schedules of another.
   *
   * @param names receives the spare names
   * @returns the first due time that found the queue full
   */
  private async enqueue(
    { id, taskText }: Schedule,
    due: readonly Instant[],
    names: Map<Instant, string>,
  ): Promise<Instant | undefined> {
    const { spec, payload } = taskOf(taskText, id, this.limits);
    const enqueueAs = (nameOf: (time: Instant) => string, times: readonly Instant[]) =>
      this.queue.enqueueAll(times.map((time) => ({ spec: { ...spec, id: nameOf(time) }, payload })));
    const results = await enqueueAs((time) => taskIdAt(id, time), due);
    const full = results.findIndex((result) => result instanceof QueueFull);
    const foreign: Instant[] = [];
    for (const [index, time] of due.entries()) {
      const result = results[index];
      if (result instanceof TaskDamaged) this.logger.warn(`Schedule ${id}: ${result.message}`);
      if (!(result instanceof TaskConflict) || (full >= 0 && index > full)) continue;
      if (await this.isElsewhere(taskIdAt(id, time), spec.queue)) foreign.push(time);
      else this.logger.warn(`Schedule ${id}: ${result.message}`);
    }
    const nonce = foreign.length === 0 ? undefined : await this.store.nonceOf(id);
    if (nonce === undefined) return due[full];
    const spares = await enqueueAs((time) => spareTaskIdAt(id, time, nonce), foreign);
    for (const [index, time] of foreign.entries()) {
      if (spares[index] instanceof QueueFull) return time;
      const spare = spareTaskIdAt(id, time, nonce);
      names.set(time, spare);
      this.logger.warn(
        `Schedule ${id}: ${taskIdAt(id, time)} is a task in another queue; the run is named ${spare}`,
      );
    }
    return due[full];
  }

  /** Whether a task in another queue has the name, or had it a moment ago. */
  private async isElsewhere(taskId: string, queue: string): Promise<boolean> {
    try {
      return (await this.queue.find(taskId)).spec.queue !== queue;
    } catch (error) {
      if (error instanceof TaskNotFound) return true;
      throw error;
    }
  }
}
