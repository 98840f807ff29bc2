import { parseDto } from '../http/body-reader.js';
import { planOf } from '../http/dto-plan.js';
import { invalidRequest } from '../http/dto-reader.js';
import type { HttpLimits } from '../http/http-limits.js';
import { ScheduleDto } from '../schedules/dto/schedule.dto.js';
import type { Schedule } from '../schedules/schedule.js';

/** The fields of a schedule, as in `POST /schedules`. */
const SCHEDULE_FIELDS = ['schedule_id', 'cron', 'timezone', 'catch_up', 'paused', 'task'] as const;

/** The texts of the fields, valid or not. */
export type ScheduleTexts = Readonly<Record<(typeof SCHEDULE_FIELDS)[number], string>>;

export const NEW_SCHEDULE: ScheduleTexts = {
  schedule_id: '',
  cron: '0 3 * * *',
  timezone: 'UTC',
  catch_up: 'skip',
  paused: '',
  task: '{\n  "queue": "default",\n  "code": ""\n}',
};

/** The submitted texts. A template that differs from the original only in its line breaks is the original. */
export function scheduleTexts(form: URLSearchParams, original: ScheduleTexts | undefined): ScheduleTexts {
  const texts = Object.fromEntries(
    SCHEDULE_FIELDS.map((name) => [name, form.get(name) ?? '']),
  ) as ScheduleTexts;
  const task = lineFeeds(texts.task);
  const isSame = original !== undefined && task === lineFeeds(original.task);
  return { ...texts, task: isSame ? original.task : task };
}

export function textsOf(schedule: Schedule): ScheduleTexts {
  const { id, cron, timezone, catchUp, isPaused, taskText } = schedule;
  return {
    schedule_id: id,
    cron,
    timezone,
    catch_up: catchUp,
    paused: isPaused ? 'true' : '',
    task: taskText,
  };
}

/**
 * The request that the fields make, by the rules of `POST /schedules`.
 *
 * @throws ProblemError `invalid_request` with a pointer for each invalid field
 */
export function scheduleOf(texts: ScheduleTexts, limits: HttpLimits): ScheduleDto {
  const { task, paused, ...others } = texts;
  try {
    JSON.parse(task);
  } catch {
    throw invalidRequest([{ pointer: '/task', detail: 'task must be a JSON object' }]);
  }
  const members = Object.entries(others).map(
    ([name, text]) => `${JSON.stringify(name)}:${JSON.stringify(text.trim())}`,
  );
  members.push(`"paused":${paused === 'true'}`, `"task":${task.trim()}`);
  return parseDto(`{${members.join(',')}}`, planOf(ScheduleDto), limits);
}

function lineFeeds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
