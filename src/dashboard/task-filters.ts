import { CURSOR } from '../http/cursor.js';
import { parseMoment } from '../http/moment.js';
import { BATCH_ID, CAUSE, GROUP, QUEUE_NAME, WORKER_ID } from '../queue/dto/limits.js';
import type { TaskFilter } from '../storage/task-views.js';
import type { Instant } from '../task/clock.js';
import { isFinished, type Task } from '../task/task.js';
import { isFinalState, TASK_STATES, type TaskState } from '../task/task-state.js';
import { ERROR_GROUP, groupOf } from './error-groups.js';
import { plainText } from './parts/terminal-runs.js';

/** The filters of a task list, as in the search box, the form and the address. All of them must match. */
export interface TaskFilters {
  readonly states: readonly TaskState[];
  readonly queue?: string;
  readonly group?: string;
  readonly batch?: string;
  readonly worker?: string;
  readonly cause?: string;
  /** Enqueued within this many minutes. */
  readonly minutes?: number;
  /** The beginning of the id. */
  readonly id?: string;
  /** Texts that the last error contains. */
  readonly errors: readonly string[];
  /** The group of dead letters with the same error. */
  readonly errorGroup?: string;
  readonly exitCode?: number;
  /** The budget that a failed task spent. */
  readonly outcome?: 'failed' | 'lost';
  /** Texts that the id, the queue, the group, the batch, the worker or the last error contains. */
  readonly words: readonly string[];
  readonly endedAfter?: Instant;
  readonly endedBefore?: Instant;
  readonly cursor?: string;
  /** Names of fields with invalid values. */
  readonly unusable: readonly string[];
}

/** Parameters that filter. */
const FILTER_NAMES = [
  ...(['status', 'queue', 'group', 'batch_id', 'worker_id', 'cause', 'minutes', 'id'] as const),
  ...([
    'error',
    'error_group',
    'exit_code',
    'outcome',
    'text',
    'ended_after',
    'ended_before',
    'cursor',
  ] as const),
] as const;

/** Parameters that can occur several times. */
const REPEATABLE: readonly string[] = ['status', 'error', 'text'];

const ID_START = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Texts to look for; longer ones have no use. */
const TEXT = /^[^\p{Cc}\p{Cs}]{1,200}$/u;
const MOST_TEXTS = 10;
/** As a form sends it, without seconds or without an offset; then it is UTC. */
const LOCAL_MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?$/;

/** Reads a page's filters. Forms also send empty fields, which filter nothing. */
export function readFilters(query: URLSearchParams): TaskFilters {
  const unusable = new Set<string>();
  const textsOf = (name: string): readonly string[] =>
    query
      .getAll(name)
      .map((text) => text.trim())
      .filter((text) => text !== '');
  const read = (name: string, isValid: (text: string) => boolean): string | undefined => {
    const given = query.getAll(name);
    const [text] = textsOf(name);
    if (given.length > 1 || (text !== undefined && !isValid(text))) unusable.add(name);
    return unusable.has(name) ? undefined : text;
  };
  const readAll = (name: string): readonly string[] => {
    const texts = textsOf(name);
    if (texts.length <= MOST_TEXTS && texts.every((text) => TEXT.test(text))) return texts;
    unusable.add(name);
    return [];
  };
  const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const momentOf = (name: string) => instantOf(read(name, (text) => instantOf(text) !== undefined));
  const like = (format: RegExp) => (text: string) => format.test(text);
  const asked = query.getAll('status').flatMap((text) => text.split(','));
  if (asked.some((state) => state !== '' && !isTaskState(state))) unusable.add('status');
  const filters = {
    states: TASK_STATES.filter((state) => asked.includes(state)),
    queue: read('queue', like(QUEUE_NAME)),
    group: read('group', like(GROUP)),
    batch: read('batch_id', like(BATCH_ID)),
    worker: read('worker_id', like(WORKER_ID)),
    cause: read('cause', like(CAUSE)),
    minutes: numberOf(read('minutes', like(/^[1-9]\d{0,6}$/))),
    id: read('id', like(ID_START)),
    errors: readAll('error'),
    errorGroup: read('error_group', like(ERROR_GROUP)),
    exitCode: numberOf(read('exit_code', like(/^-?\d{1,10}$/))),
    outcome: outcomeOf(read('outcome', like(/^(?:failed|lost)$/))),
    words: readAll('text'),
    endedAfter: momentOf('ended_after'),
    endedBefore: momentOf('ended_before'),
    cursor: read('cursor', like(CURSOR)),
  };
  return { ...filters, unusable: [...unusable] };
}

/**
 * Reads the filters of a bulk action. Every parameter could be meant as a filter, so an empty one, and one that is not
 * in `others`, is invalid.
 */
export function readActionFilters(query: URLSearchParams, others: readonly string[]): TaskFilters {
  const filters = readFilters(query);
  const lost = [...new Set(query.keys())].filter((name) => {
    if (!isFilterName(name)) return !others.includes(name);
    return query.getAll(name).some((text) => text.trim() === '');
  });
  return { ...filters, unusable: [...new Set([...filters.unusable, ...lost])] };
}

function isFilterName(name: string): boolean {
  return (FILTER_NAMES as readonly string[]).includes(name);
}

function isTaskState(text: string): text is TaskState {
  return (TASK_STATES as readonly string[]).includes(text);
}

function outcomeOf(text: string | undefined): TaskFilters['outcome'] {
  return text === 'failed' || text === 'lost' ? text : undefined;
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : parseMoment(LOCAL_MOMENT.test(text) ? `${text}Z` : text);
}

/** The same filters as query parameters, without the cursor. */
export function queryOf(filters: TaskFilters): URLSearchParams {
  const query = new URLSearchParams();
  for (const state of filters.states) query.append('status', state);
  const fields = {
    queue: filters.queue,
    group: filters.group,
    batch_id: filters.batch,
    worker_id: filters.worker,
    cause: filters.cause,
    minutes: filters.minutes?.toString(),
    id: filters.id,
    error: filters.errors,
    error_group: filters.errorGroup,
    exit_code: filters.exitCode?.toString(),
    outcome: filters.outcome,
    text: filters.words,
    ended_after: isoOf(filters.endedAfter),
    ended_before: isoOf(filters.endedBefore),
  };
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const text of REPEATABLE.includes(name) ? value : [value]) query.append(name, String(text));
  }
  return query;
}

function isoOf(instant: Instant | undefined): string | undefined {
  return instant === undefined ? undefined : new Date(instant).toISOString();
}

/** The part of the filter that the store applies. */
export function storeFilter(filters: TaskFilters, now: Instant): Omit<TaskFilter, 'queues'> {
  const { states, group, batch, worker, cause, minutes } = filters;
  return {
    states: states.length > 0 ? states : isAboutEnds(filters) ? ENDED : undefined,
    group,
    batchId: batch,
    workerId: worker,
    cause,
    createdAfter: minutes === undefined ? undefined : now - minutes * 60_000,
  };
}

const ENDED = TASK_STATES.filter(isFinalState);

function isAboutEnds({ endedAfter, endedBefore }: TaskFilters): boolean {
  return endedAfter !== undefined || endedBefore !== undefined;
}

/** The part that each task must be read for; `undefined` when the store's part is all. */
export function extraConditionOf(filters: TaskFilters): ((task: Task) => boolean) | undefined {
  const { id, errors, errorGroup, exitCode, outcome, words, endedAfter, endedBefore } = filters;
  const conditions: ((task: Task) => boolean)[] = [];
  if (id !== undefined) conditions.push(({ spec }) => spec.id.startsWith(id));
  for (const text of errors.map(folded)) conditions.push((task) => has(errorOf(task), text));
  if (errorGroup !== undefined) conditions.push((task) => groupOf(task) === errorGroup);
  if (exitCode !== undefined) conditions.push(({ last }) => last?.exitCode === exitCode);
  if (outcome !== undefined) conditions.push((task) => task.state === 'failed' && task.outcome === outcome);
  for (const text of words.map(folded))
    conditions.push((task) => namesOf(task).some((name) => has(name, text)));
  if (endedAfter !== undefined) conditions.push((task) => isFinished(task) && task.finishedAt >= endedAfter);
  if (endedBefore !== undefined) conditions.push((task) => isFinished(task) && task.finishedAt < endedBefore);
  return conditions.length === 0 ? undefined : (task) => conditions.every((holds) => holds(task));
}

/** What the words of a search can occur in. */
function namesOf(task: Task): readonly (string | undefined)[] {
  const { id, queue, group, batchId } = task.spec;
  return [id, queue, group, batchId, workerOf(task), errorOf(task)];
}

/** The beginning of the last error, as the task keeps it, without the codes of terminals. */
function errorOf({ last }: Task): string | undefined {
  return last?.error === undefined ? undefined : plainText(last.error);
}

/** The worker that holds the task or had it last. */
export function workerOf(task: Task): string | undefined {
  return task.state === 'processing' ? task.lease.workerId : task.last?.workerId;
}

function has(text: string | undefined, part: string): boolean {
  return text !== undefined && folded(text).includes(part);
}

function folded(text: string): string {
  return text.toLowerCase();
}

/** The filters in words, for sentences and the log. */
export function describeFilters(filters: TaskFilters): string {
  const { states, queue, group, batch, worker, minutes, id, errors, errorGroup, exitCode, words } = filters;
  const { cause, outcome, endedAfter, endedBefore } = filters;
  const parts = [
    states.length === 0 ? '' : states.join(' or '),
    queue === undefined ? '' : `in queue ${queue}`,
    group === undefined ? '' : `of group ${group}`,
    batch === undefined ? '' : `of batch ${batch}`,
    worker === undefined ? '' : `of worker ${worker}`,
    cause === undefined ? '' : `with cause ${cause}`,
    id === undefined ? '' : `with ids that begin with ${id}`,
    ...errors.map((text) => `with “${text}” in the error`),
    errorGroup === undefined ? '' : `with one error (${errorGroup})`,
    exitCode === undefined ? '' : `with exit code ${exitCode}`,
    outcome === undefined ? '' : `without ${outcome === 'lost' ? 'interruptions' : 'attempts'} left`,
    ...words.map((text) => `with “${text}”`),
    minutes === undefined ? '' : `enqueued in the last ${minutes} minutes`,
    endedAfter === undefined ? '' : `ended at or after ${momentText(endedAfter)}`,
    endedBefore === undefined ? '' : `ended before ${momentText(endedBefore)}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function momentText(instant: Instant): string {
  return new Date(instant).toISOString().replace(/\.000Z$/, 'Z');
}
