import { parseDto } from '../http/body-reader.js';
import { invalidRequest } from '../http/dto-reader.js';
import { planOf } from '../http/dto-plan.js';
import type { HttpLimits } from '../http/http-limits.js';
import type { FieldProblem } from '../http/problem.error.js';
import { CreateTaskDto } from '../queue/dto/create-task.dto.js';
import { priorityOf, type Task } from '../task/task.js';
import type { PayloadText } from './curl.js';

/** How a text becomes JSON: as a string, a number, or as the JSON that it is. */
type Kind = 'text' | 'number' | 'json';

interface TaskField {
  /** The field of the API; members of `backoff` after a slash. */
  readonly name: string;
  readonly title: string;
  readonly kind: Kind;
  readonly unit?: string;
}

/** The fields of a new task. An empty one is left out, so the API's default applies. */
export const TASK_FIELDS = [
  { name: 'eval_id', title: 'Id', kind: 'text' },
  { name: 'queue', title: 'Queue', kind: 'text' },
  { name: 'group', title: 'Group', kind: 'text' },
  { name: 'batch_id', title: 'Batch', kind: 'text' },
  { name: 'priority', title: 'Priority', kind: 'number' },
  { name: 'language', title: 'Language', kind: 'text' },
  { name: 'engine', title: 'Engine', kind: 'text' },
  { name: 'timeout', title: 'Timeout', kind: 'number', unit: 'seconds' },
  { name: 'max_attempts', title: 'Failures until the task is a dead letter', kind: 'number' },
  { name: 'max_interruptions', title: 'Lost leases allowed', kind: 'number' },
  { name: 'delay', title: 'Delay', kind: 'number', unit: 'seconds' },
  { name: 'run_at', title: 'Run at', kind: 'text' },
  { name: 'ttl', title: 'Must start within', kind: 'number', unit: 'seconds' },
  { name: 'expires_at', title: 'Must start before', kind: 'text' },
  { name: 'deadline', title: 'Must end within', kind: 'number', unit: 'seconds' },
  { name: 'deadline_at', title: 'Must end before', kind: 'text' },
  { name: 'callback_url', title: 'Callback URL', kind: 'text' },
  { name: 'requires', title: 'Required labels, as JSON', kind: 'json' },
  { name: 'backoff', title: 'Backoff, as JSON', kind: 'json' },
  { name: 'code', title: 'Code', kind: 'text' },
  { name: 'metadata', title: 'Metadata, as JSON', kind: 'json' },
] as const satisfies readonly TaskField[];

export type TaskFieldName = (typeof TASK_FIELDS)[number]['name'];

/** The texts of the fields, valid or not. */
export type TaskTexts = Readonly<Record<TaskFieldName, string>>;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

export const NO_TEXTS = Object.fromEntries(TASK_FIELDS.map(({ name }) => [name, ''])) as TaskTexts;

/**
 * The submitted texts. Browsers send line breaks as CRLF, whatever the page contained. A text that is otherwise the
 * original is the original; in other texts the line breaks are LF.
 */
export function taskTexts(form: URLSearchParams, original: TaskTexts = NO_TEXTS): TaskTexts {
  const texts = TASK_FIELDS.map(({ name }) => {
    const text = lineFeeds(form.get(name) ?? '');
    return [name, text === lineFeeds(original[name]) ? original[name] : text];
  });
  return Object.fromEntries(texts) as TaskTexts;
}

/** The fields of an existing task, under a new id. Times that are fixed may have passed, so they are left out. */
export function textsOf(task: Task, { code, metadata = '' }: PayloadText): TaskTexts {
  const { spec } = task;
  const text = (value: string | number | undefined) => value?.toString() ?? '';
  const { type, delay, maxDelay, jitter } = spec.backoff;
  return {
    ...NO_TEXTS,
    eval_id: nextId(spec.id),
    queue: spec.queue,
    group: text(spec.group),
    batch_id: text(spec.batchId),
    priority: text(priorityOf(task)),
    language: spec.language,
    engine: spec.engine,
    timeout: text(spec.timeout),
    max_attempts: text(spec.maxAttempts),
    max_interruptions: text(spec.maxInterruptions),
    ttl: text(spec.ttl),
    deadline: text(spec.deadline),
    callback_url: text(spec.callbackUrl),
    requires: spec.requires === undefined ? '' : JSON.stringify(spec.requires),
    backoff: JSON.stringify({ type, delay, max_delay: maxDelay, jitter }),
    code,
    metadata,
  };
}

/** eval-7 → eval-7.2 → eval-7.3 */
function nextId(id: string): string {
  const [, start = id, count = '1'] = /^(.*)\.(\d{1,6})$/.exec(id) ?? [];
  const end = `.${Number(count) + 1}`;
  return `${start.slice(0, 128 - end.length)}${end}`;
}

/**
 * The request that the fields make, by the rules of `POST /tasks`.
 *
 * @throws ProblemError `invalid_request` with a pointer for each invalid field
 */
export function taskOf(texts: TaskTexts, limits: HttpLimits): CreateTaskDto {
  const problems: FieldProblem[] = [];
  const members = TASK_FIELDS.filter(({ name }) => texts[name] !== '' || name === 'code').map(
    ({ name, kind }) => `${JSON.stringify(name)}:${jsonOf({ name, kind, text: texts[name] }, problems)}`,
  );
  if (problems.length > 0) throw invalidRequest(problems);
  return parseDto(`{${members.join(',')}}`, planOf(CreateTaskDto), limits);
}

interface Given {
  readonly name: string;
  readonly kind: Kind;
  readonly text: string;
}

function jsonOf({ name, kind, text }: Given, problems: FieldProblem[]): string {
  if (kind === 'text') return JSON.stringify(name === 'code' ? text : text.trim());
  const trimmed = text.trim();
  // The validation rules report a text that is no number.
  if (kind === 'number') return NUMBER.test(trimmed) ? trimmed : JSON.stringify(text);
  try {
    JSON.parse(trimmed);
    return trimmed;
  } catch {
    problems.push({ pointer: `/${name}`, detail: `${name} must be a JSON object` });
    return 'null';
  }
}

function lineFeeds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
