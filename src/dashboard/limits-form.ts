import { parseDto } from '../http/body-reader.js';
import { planOf } from '../http/dto-plan.js';
import type { HttpLimits } from '../http/http-limits.js';
import { ProblemError } from '../http/problem.error.js';
import { QueueChangeDto } from '../queue-admin/dto/queue.dto.js';
import { changeOf } from '../queue-admin/settings-change.js';
import type { QueueSettings, QueueSettingsChange } from '../task/queue-settings.js';

/** The limits of a queue as form fields; `pointer` names the field of the API. */
export const LIMIT_FIELDS = [
  { name: 'max_depth', pointer: '/max_depth', title: 'Waiting tasks', unit: 'tasks' },
  { name: 'max_concurrency', pointer: '/max_concurrency', title: 'Held tasks', unit: 'tasks' },
  {
    name: 'max_concurrency_per_group',
    pointer: '/max_concurrency_per_group',
    title: 'Held tasks per group',
    unit: 'tasks',
  },
  { name: 'rate_tasks', pointer: '/rate_limit/tasks', title: 'Claim rate', unit: 'tasks' },
  { name: 'rate_per', pointer: '/rate_limit/per', title: 'Period', unit: 'seconds' },
  { name: 'priority_ageing', pointer: '/priority_ageing', title: 'One priority point per', unit: 'seconds' },
] as const;

export type LimitName = (typeof LIMIT_FIELDS)[number]['name'];

/** The texts of the fields, valid or not. */
export type LimitTexts = Readonly<Record<LimitName, string>>;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * Reads the submitted texts. An empty field removes its limit, so a missing one must not count as empty.
 *
 * @throws ProblemError `invalid_request` when a field is missing
 */
export function limitTexts(form: URLSearchParams): LimitTexts {
  const missing = LIMIT_FIELDS.filter(({ name }) => !form.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new ProblemError('invalid_request', `The form lacks ${missing.join(', ')}; open the page again`);
  }
  const texts = LIMIT_FIELDS.map(({ name }) => [name, (form.get(name) ?? '').trim()]);
  return Object.fromEntries(texts) as LimitTexts;
}

export function textsOf(settings: QueueSettings): LimitTexts {
  const { rateLimit } = settings;
  const text = (value: number | undefined) => value?.toString() ?? '';
  return {
    max_depth: text(settings.maxDepth),
    max_concurrency: text(settings.maxConcurrency),
    max_concurrency_per_group: text(settings.maxConcurrencyPerGroup),
    rate_tasks: text(rateLimit?.tasks),
    rate_per: text(rateLimit?.per),
    priority_ageing: text(settings.priorityAgeing),
  };
}

/**
 * The change that the fields request, by the rules of `PATCH /queues/{queue}`. An empty field removes its limit.
 *
 * @throws ProblemError `invalid_request` with a pointer for each invalid field
 */
export function changeFrom(texts: LimitTexts, limits: HttpLimits): QueueSettingsChange {
  const { rate_tasks, rate_per, ...others } = texts;
  const members = Object.entries(others).map(([name, text]) => `"${name}":${jsonOf(text)}`);
  const isLimited = rate_tasks !== '' || rate_per !== '';
  const rate = `{"tasks":${jsonOf(rate_tasks)},"per":${jsonOf(rate_per)}}`;
  members.push(`"rate_limit":${isLimited ? rate : 'null'}`);
  return changeOf(parseDto(`{${members.join(',')}}`, planOf(QueueChangeDto), limits), limits);
}

/** Text that is not a number stays text, and the validation rules report it. */
function jsonOf(text: string): string {
  if (text === '') return 'null';
  return NUMBER.test(text) ? text : JSON.stringify(text);
}
