import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpLimits } from '../http/http-limits.js';
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
/** Schedules and tasks that are handled at once: few, as each may be large. */
const CHUNK = 20;

/** The cached part of a schedule. */
interface Entry {
  readonly times: CronTimes;
  /** Changes with every edit that can affect the due times. */
  readonly edition: string;
  /** When to check next; at once after the start and after an edit. */
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
    for (const [id, entry] of this.entries) {
      if (entry.next > now || this.loop.isStopped) continue;
      const isDone = await this.fire(id).catch((error: unknown) => {
        if (error instanceof StoreUnavailable) throw error;
        this.logger.error(`Schedule ${id} failed`, (error as Error).stack);
        return true;
      });
      entry.next = isDone ? (entry.times.after(now) ?? Infinity) : now + LOOK_MS;
    }
    let next = Infinity;
    for (const entry of this.entries.values()) next = Math.min(next, entry.next);
    return Math.max(next - this.clock.now().wall, 1);
  }

  /** Reloads the schedules after an edit. */
  private async reload(): Promise<void> {
    const version = await this.store.version();
    if (version === this.version) return;
    const entries = new Map<string, Entry>();
    let before: number | undefined;
    do {
      const page = await this.store.list(CHUNK, before);
      for (const schedule of page.schedules) {
        if (schedule.isPaused) continue;
        const known = this.entries.get(schedule.id);
        if (known?.edition === editionOf(schedule)) entries.set(schedule.id, known);
        else this.read(schedule, entries);
      }
      before = page.next;
    } while (before !== undefined);
    this.entries = entries;
    this.version = version;
  }

  /** Skips and logs a schedule that another version wrote in an unknown format. */
  private read(schedule: Schedule, entries: Map<string, Entry>): void {
    try {
      entries.set(schedule.id, entryOf(schedule));
    } catch (error) {
      this.logger.error(`Schedule ${schedule.id} could not be read: ${(error as Error).message}`);
    }
  }

  /** Returns false if the queue is full, to try again later. */
  private async fire(id: string): Promise<boolean> {
    const now = this.clock.now().wall;
    const { schedule, run, revision } = await this.plausible(id, now);
    if (schedule === undefined || schedule.isPaused) return true;
    const since = Math.max(schedule.since, run?.until ?? 0);
    const due = dueTimes(entryOf(schedule).times, schedule.catchUp, { since, now });
    const last = due.at(-1);
    if (last === undefined) return true;
    const names = new Map<Instant, string>();
    for (let start = 0; start < due.length; start += CHUNK) {
      const refused = await this.enqueue(schedule, due.slice(start, start + CHUNK), names);
      // The queue is full: the rest is retried, as far as the catch-up policy allows.
      if (refused !== undefined) {
        const done = due.filter((time) => time < refused).at(-1);
        if (done !== undefined)
          await this.store.putRun(id, { until: done, taskId: names.get(done) }, revision);
        return false;
      }
    }
    await this.store.putRun(id, { until: last, taskId: names.get(last) }, revision);
    return true;
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

function entryOf(schedule: Schedule): Entry {
  const times = CronTimes.of(schedule.cron, schedule.timezone);
  return { times, edition: editionOf(schedule), next: -Infinity };
}

/** Two edits can have the same timestamp. */
function editionOf({ cron, timezone, updatedAt }: Schedule): string {
  return `${updatedAt} ${timezone} ${cron}`;
}
