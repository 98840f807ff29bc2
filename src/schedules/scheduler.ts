import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpLimits } from '../http/http-limits.js';
import { QueueFull } from '../queue/depth-gate.js';
import { QueueService } from '../queue/queue.service.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { StoreUnavailable } from '../storage/task-store.js';
import { Clock, type Instant, isAhead } from '../task/clock.js';
import { TaskConflict, TaskDamaged, TaskNotFound } from '../task/task.errors.js';
import { CronTimes } from './cron.times.js';
import { dueTimes, ON_TIME_MS } from './due-times.js';
import { type Schedule, spareTaskIdAt, taskIdAt } from './schedule.js';
import { ScheduleStore } from './schedule.store.js';
import { taskOf } from './scheduled-task.js';

/** An edit by another process is seen after this long, or with the next due time. */
const LOOK_MS = 1_000;
/** Schedules and tasks that are handled at once: few, as each may be large. */
const CHUNK = 20;

/** A schedule as far as it must be in memory. */
interface Entry {
  readonly times: CronTimes;
  /** Another one after every edit that may change when it is due. */
  readonly edition: string;
  /** When to look next; at once after the start and after an edit. */
  next: Instant;
}

/**
 * Enqueues a task for every due time. Every process does so and nobody leads: all give the task of a due time the same
 * name, so the second one finds it there. A process that dies in between has not written how far the schedule has come,
 * and the next one does it again, to no effect.
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

  /** Enqueues all that is due now. */
  async run(): Promise<void> {
    await this.loop.run();
  }

  /** Milliseconds until the next due time. */
  private async pass(): Promise<number> {
    await this.reload();
    const now = this.clock.now().wall;
    // What was to be looked at by a clock that was ahead may be due before.
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

  /** Reads what there is when somebody has edited it. */
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

  /** One that cannot be read, since another version wrote it, is told and left out: the others go on. */
  private read(schedule: Schedule, entries: Map<string, Entry>): void {
    try {
      entries.set(schedule.id, entryOf(schedule));
    } catch (error) {
      this.logger.error(`Schedule ${schedule.id} cannot be read: ${(error as Error).message}`);
    }
  }

  /** False when its queue is full and it must be looked at again. */
  private async fire(id: string): Promise<boolean> {
    const now = this.clock.now().wall;
    const { schedule, run, revision } = await this.believable(id, now);
    if (schedule === undefined || schedule.isPaused) return true;
    const since = Math.max(schedule.since, run?.until ?? 0);
    const due = dueTimes(entryOf(schedule).times, schedule.catchUp, { since, now });
    const last = due.at(-1);
    if (last === undefined) return true;
    const names = new Map<Instant, string>();
    for (let start = 0; start < due.length; start += CHUNK) {
      const refused = await this.enqueue(schedule, due.slice(start, start + CHUNK), names);
      // There is no room: what comes from here on is tried again, as long as the policy has it.
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
   * A schedule and how far it has come. What was noted ahead, under a clock that was wrong, is mended first: it would be
   * silent until then. What was due on time is made up for, and no more, as nobody knows what was done.
   */
  private async believable(id: string, now: Instant) {
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
   * Tasks of other queues may have the names of these runs. Then they get others, so that no queue can keep the
   * schedule of another one from running.
   *
   * @param names gets those that are not the usual ones
   * @returns the first due time for which there was no room
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
        `Schedule ${id}: ${taskIdAt(id, time)} is a task of another queue; the run is ${spare}`,
      );
    }
    return due[full];
  }

  /** Whether the name is held by a task of another queue, or was a moment ago. */
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

/** Two edits may have one moment. */
function editionOf({ cron, timezone, updatedAt }: Schedule): string {
  return `${updatedAt} ${timezone} ${cron}`;
}
