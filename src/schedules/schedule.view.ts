import type { ListedSchedule } from './dto/schedule.response.js';
import { replaceMember } from '../http/json-scanner.js';
import { withoutQuery } from '../config/web-address.js';
import type { Instant } from '../task/clock.js';
import { isoTime, splice } from '../queue/task.view.js';
import { CronTimes } from './cron-times.js';
import { taskIdAt } from './schedule.js';
import type { KnownSchedule } from './schedule.service.js';

const NEXT_DUE = 5;

/** The view of a schedule without its task. */
export function scheduleView({ schedule, run }: KnownSchedule, now: Instant): ListedSchedule {
  const { id, cron, timezone, isPaused } = schedule;
  const last = run?.taskId === null ? undefined : run;
  const next = isPaused ? [] : CronTimes.of(cron, timezone).next(NEXT_DUE, now);
  return {
    schedule_id: id,
    cron,
    timezone,
    catch_up: schedule.catchUp,
    paused: isPaused,
    queue: schedule.queue,
    created_at: isoTime(schedule.createdAt),
    updated_at: isoTime(schedule.updatedAt),
    last_due_at: last === undefined ? null : isoTime(last.until),
    last_eval_id: last === undefined ? null : (last.taskId ?? taskIdAt(id, last.until)),
    next_due_at: next.map(isoTime),
  };
}

/** The whole schedule as JSON; the task is its original text. */
export function scheduleText(known: KnownSchedule, now: Instant): string {
  return splice(scheduleView(known, now), `"task":${known.schedule.taskText}`);
}

/** The same without the query of a `callback_url`, which may contain a secret. */
export function scheduleTextWithoutQueries(known: KnownSchedule, now: Instant): string {
  const task = replaceMember(known.schedule.taskText, 'callback_url', (value) =>
    typeof value === 'string' ? withoutQuery(value) : value,
  );
  return splice(scheduleView(known, now), `"task":${task}`);
}
