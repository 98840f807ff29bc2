import { parseDto } from '../http/body.reader.js';
import { planOf } from '../http/dto-plan.js';
import type { HttpLimits } from '../http/http-limits.js';
import { ProblemError } from '../http/problem.error.js';
import { QueueChangeDto } from '../queues/dto/queue.dto.js';
import { changeOf } from '../queues/settings.change.js';
import type { QueueSettings, QueueSettingsChange } from '../task/queue-settings.js';

/** What may be set for a queue, as the fields of a form; `pointer` is what the API calls it. */
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

/** What stands in the fields, whether it can be used or not. */
export type LimitTexts = Readonly<Record<LimitName, string>>;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * What was filled in. An empty field takes its limit away, so one that is missing must not pass for empty.
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
 * The change that the fields ask for, by the rules of `PATCH /queues/{queue}`; an empty one takes its limit away.
 *
 * @throws ProblemError `invalid_request` with a pointer for each field that cannot be used
 */
export function changeFrom(texts: LimitTexts, limits: HttpLimits): QueueSettingsChange {
  const { rate_tasks, rate_per, ...others } = texts;
  const members = Object.entries(others).map(([name, text]) => `"${name}":${jsonOf(text)}`);
  const isLimited = rate_tasks !== '' || rate_per !== '';
  const rate = `{"tasks":${jsonOf(rate_tasks)},"per":${jsonOf(rate_per)}}`;
  members.push(`"rate_limit":${isLimited ? rate : 'null'}`);
  return changeOf(parseDto(`{${members.join(',')}}`, planOf(QueueChangeDto), limits), limits);
}

/** What is no number stays a text, and the rules say what it should have been. */
function jsonOf(text: string): string {
  if (text === '') return 'null';
  return NUMBER.test(text) ? text : JSON.stringify(text);
}
