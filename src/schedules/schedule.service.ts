import { Injectable } from '@nestjs/common';
import { HttpLimits } from '../http/http-limits.js';
import { invalidRequest } from '../http/dto-reader.js';
import { ProblemError } from '../http/problem.error.js';
import { CallbackRule } from '../queue/callback-rule.js';
import { Clock, isAhead } from '../task/clock.js';
import type { TaskSpec } from '../task/task.js';
import { CronTimes, isTimeZone } from './cron-times.js';
import type { CatchUp, Schedule, ScheduleRun } from './schedule.js';
import { newNonce, ScheduleStore, type SchedulePage } from './schedule-store.js';
import { taskOf } from './scheduled-task.js';

export interface ScheduleDraft {
  readonly id: string;
  readonly cron: string;
  readonly timezone: string;
  readonly catchUp: CatchUp;
  readonly isPaused: boolean;
  readonly taskText: string;
}

export interface KnownSchedule {
  readonly schedule: Schedule;
  readonly run: ScheduleRun | undefined;
}

/** Throws if the caller lacks permission to enqueue such a task. */
export type TemplateGuard = (task: Pick<TaskSpec, 'queue' | 'batchId'>) => Promise<void>;

/** Whether the caller has access to this queue. */
export type QueueFilter = (queue: string) => boolean;

export interface ScheduleQuery {
  readonly before?: number;
  readonly isVisible?: QueueFilter;
}

/** The number of schedules to read for each visible one. */
const LOOK_AHEAD = 100;

/** Stores schedules and computes their due times. */
@Injectable()
export class ScheduleService {
  constructor(
    private readonly store: ScheduleStore,
    private readonly clock: Clock,
    private readonly limits: HttpLimits,
    private readonly callbacks: CallbackRule,
  ) {}

  /**
   * Creates or replaces a schedule.
   *
   * @param guard checks the task of the template
   * @throws ProblemError `invalid_request`, `name_taken` when a schedule in a queue without access has the name,
   * or the error of the guard
   */
  async put(
    draft: ScheduleDraft,
    guard: TemplateGuard,
    isVisible: QueueFilter,
  ): Promise<KnownSchedule & { isNew: boolean }> {
    const spec = this.check(draft);
    await guard(spec);
    const { queue } = spec;
    for (;;) {
      const { value: present, revision } = await this.store.find(draft.id);
      if (present !== undefined && !isVisible(present.queue)) {
        throw new ProblemError('name_taken', `The name ${draft.id} is in use; choose another schedule_id`);
      }
      const schedule = scheduleOf(draft, { present, queue, now: this.clock.now().wall });
      const isWritten = schedule === present || (await this.store.put(schedule, revision));
      if (isWritten) return { ...(await this.withRun(schedule)), isNew: present === undefined };
    }
  }

  /** @throws ProblemError `schedule_not_found`, also without access to its queue */
  async find(id: string, isVisible: QueueFilter): Promise<KnownSchedule> {
    const { value } = await this.store.find(id);
    if (value === undefined || !isVisible(value.queue)) throw notFound(id);
    return this.withRun(value);
  }

  /** The schedules of visible queues, newest first. `next` is absent if no visible schedule follows. */
  async list(
    limit: number,
    { before, isVisible = () => true }: ScheduleQuery = {},
  ): Promise<Omit<SchedulePage, 'schedules'> & { known: KnownSchedule[] }> {
    const found: Schedule[] = [];
    let next = before;
    do {
      const page = await this.store.list(limit - found.length, next);
      found.push(...page.schedules.filter(({ queue }) => isVisible(queue)));
      next = page.next;
    } while (next !== undefined && found.length < limit);
    const hasMore = next !== undefined && (await this.hasVisible(next, isVisible));
    const known = await Promise.all(found.map((schedule) => this.withRun(schedule)));
    return { known, next: hasMore ? next : undefined };
  }

  /** @throws ProblemError `schedule_not_found`, also without access to its queue */
  async remove(id: string, isVisible: QueueFilter): Promise<void> {
    for (;;) {
      const { value, revision } = await this.store.find(id);
      if (value === undefined || !isVisible(value.queue)) throw notFound(id);
      if (await this.store.remove(id, revision)) return;
    }
  }

  private async hasVisible(from: number, isVisible: QueueFilter): Promise<boolean> {
    let next: number | undefined = from;
    do {
      const page: SchedulePage = await this.store.list(LOOK_AHEAD, next);
      if (page.schedules.some(({ queue }) => isVisible(queue))) return true;
      next = page.next;
    } while (next !== undefined);
    return false;
  }

  private async withRun(schedule: Schedule): Promise<KnownSchedule> {
    const { value: run } = await this.store.findRun(schedule.id);
    // A deleted schedule may have left its progress under this name.
    return { schedule, run: run !== undefined && run.until > schedule.since ? run : undefined };
  }

  private check({ id, cron, timezone, taskText }: ScheduleDraft): TaskSpec {
    if (!isTimeZone(timezone)) {
      throw invalid('timezone', 'timezone must be the name of a time zone, such as Europe/Berlin');
    }
    let first: number | undefined;
    try {
      first = CronTimes.of(cron, timezone).after(this.clock.now().wall);
    } catch (error) {
      throw invalid('cron', `cron is invalid: ${error instanceof Error ? error.message : 'it is wrong'}`);
    }
    if (first === undefined) throw invalid('cron', 'cron is never due');
    const { spec } = taskOf(taskText, id, this.limits);
    this.callbacks.require(spec.callbackUrl, '/task/callback_url');
    return spec;
  }
}

interface Ground {
  readonly present: Schedule | undefined;
  readonly queue: string;
  readonly now: number;
}

/** The schedule to store; the present one if nothing changes. */
function scheduleOf(draft: ScheduleDraft, { present, queue, now }: Ground): Schedule {
  const isSameTimes =
    present?.cron === draft.cron &&
    present.timezone === draft.timezone &&
    present.isPaused === draft.isPaused;
  if (isSameTimes && present.catchUp === draft.catchUp && present.taskText === draft.taskText) return present;
  // A schedule in another queue restarts, and a `since` in the future was stored under a wrong clock.
  const goesOn = isSameTimes && present.queue === queue && !isAhead(present.since, now);
  return {
    ...draft,
    queue,
    createdAt: Math.min(present?.createdAt ?? now, now),
    updatedAt: now,
    since: goesOn ? present.since : now,
    nonce: present?.nonce ?? newNonce(),
  };
}

function invalid(name: string, detail: string): ProblemError {
  return invalidRequest([{ pointer: `/${name}`, detail }]);
}

function notFound(id: string): ProblemError {
  return new ProblemError('schedule_not_found', `There is no schedule ${id}`);
}
