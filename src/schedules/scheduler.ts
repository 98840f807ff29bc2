import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpLimits } from '../http/http-limits.js';
import { QueueFull } from '../queue/depth-gate.js';
import { QueueService } from '../queue/queue.service.js';
import { StoreUnavailable } from '../storage/task-store.js';
import { Clock, type Instant } from '../task/clock.js';
import { TaskConflict } from '../task/task.errors.js';
import { CronTimes } from './cron.times.js';
import { dueTimes } from './due-times.js';
import { type Schedule, taskIdAt } from './schedule.js';
import { ScheduleStore } from './schedule.store.js';
import { taskOf } from './scheduled-task.js';

/** An edit by another process is seen after this long, or with the next due time. */
const LOOK_MS = 1_000;
/** Schedules and tasks that are handled at once: few, as each may be large. */
const CHUNK = 20;

/** A schedule as far as it must be in memory. */
interface Entry {
  readonly times: CronTimes;
  readonly updatedAt: Instant;
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
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly store: ScheduleStore,
    private readonly queue: QueueService,
    private readonly clock: Clock,
    private readonly limits: HttpLimits,
  ) {}

  onApplicationBootstrap(): void {
    this.sleep(0);
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Enqueues all that is due now. */
  run(): Promise<void> {
    const run = this.running.then(() => this.pass());
    this.running = run.catch(() => undefined);
    return run;
  }

  private async pass(): Promise<void> {
    await this.reload();
    const now = this.clock.now().wall;
    for (const [id, entry] of this.entries) {
      if (entry.next > now || this.isStopped) continue;
      const isDone = await this.fire(id).catch((error: unknown) => {
        if (error instanceof StoreUnavailable) throw error;
        this.logger.error(`Schedule ${id} failed`, (error as Error).stack);
        return true;
      });
      entry.next = isDone ? (entry.times.after(now) ?? Infinity) : now + LOOK_MS;
    }
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
        const isSame = known?.updatedAt === schedule.updatedAt;
        entries.set(schedule.id, isSame ? known : entryOf(schedule));
      }
      before = page.next;
    } while (before !== undefined);
    this.entries = entries;
    this.version = version;
  }

  /** False when its queue is full and it must be looked at again. */
  private async fire(id: string): Promise<boolean> {
    const [{ value: schedule }, { value: run, revision }] = await Promise.all([
      this.store.find(id),
      this.store.findRun(id),
    ]);
    if (schedule === undefined || schedule.isPaused) return true;
    const now = this.clock.now().wall;
    const since = Math.max(schedule.since, run?.until ?? 0);
    const due = dueTimes(entryOf(schedule).times, schedule.catchUp, { since, now });
    const last = due.at(-1);
    if (last === undefined) return true;
    for (let start = 0; start < due.length; start += CHUNK) {
      const refused = await this.enqueue(schedule, due.slice(start, start + CHUNK));
      // There is no room: what comes from here on is tried again, as long as the policy has it.
      if (refused !== undefined) {
        const done = due.filter((time) => time < refused).at(-1);
        if (done !== undefined) await this.store.putRun(id, { until: done }, revision);
        return false;
      }
    }
    await this.store.putRun(id, { until: last }, revision);
    return true;
  }

  /** The first due time for which there was no room. */
  private async enqueue({ id, taskText }: Schedule, due: readonly Instant[]): Promise<Instant | undefined> {
    const { spec, payload } = taskOf(taskText, id, this.limits);
    const drafts = due.map((time) => ({ spec: { ...spec, id: taskIdAt(id, time) }, payload }));
    const results = await this.queue.enqueueAll(drafts);
    for (const result of results) {
      if (result instanceof TaskConflict) this.logger.warn(`Schedule ${id}: ${result.message}`);
    }
    return due[results.findIndex((result) => result instanceof QueueFull)];
  }

  private async wake(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      if (!(error instanceof StoreUnavailable))
        this.logger.error('Scheduling failed', (error as Error).stack);
    }
    let next = Infinity;
    for (const entry of this.entries.values()) next = Math.min(next, entry.next);
    this.sleep(Math.min(Math.max(next - this.clock.now().wall, 1), LOOK_MS));
  }

  private sleep(ms: number): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => void this.wake(), ms);
  }
}

function entryOf({ cron, timezone, updatedAt }: Schedule): Entry {
  return { times: CronTimes.of(cron, timezone), updatedAt, next: -Infinity };
}
