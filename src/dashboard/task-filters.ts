import { CURSOR } from '../http/cursor.js';
import { BATCH_ID, CAUSE, GROUP, QUEUE_NAME, WORKER_ID } from '../queue/dto/limits.js';
import type { TaskFilter } from '../storage/task-store.js';
import { TASK_STATES, type TaskState } from '../task/task-state.js';
import type { Instant } from '../task/clock.js';

/** The filters of a task list, as in the form and the address. */
export interface TaskFilters {
  readonly states: readonly TaskState[];
  readonly queue?: string;
  readonly group?: string;
  readonly batch?: string;
  readonly worker?: string;
  readonly cause?: string;
  /** Enqueued within this many minutes. */
  readonly minutes?: number;
  readonly cursor?: string;
  /** Names of fields with invalid values. */
  readonly unusable: readonly string[];
}

/** Parameters that filter. */
const FILTERS = ['status', 'queue', 'group', 'batch_id', 'worker_id', 'cause', 'minutes', 'cursor'];

/** Reads a page's filters. Forms also send empty fields, which filter nothing. */
export function readFilters(query: URLSearchParams): TaskFilters {
  const unusable: string[] = [];
  const read = (name: string, format: RegExp): string | undefined => {
    const texts = query.getAll(name).map((text) => text.trim());
    const [text = ''] = texts;
    if (texts.length > 1 || !(text === '' || format.test(text))) unusable.push(name);
    return text === '' || unusable.includes(name) ? undefined : text;
  };
  const asked = query.getAll('status').flatMap((text) => text.split(','));
  if (asked.some((state) => state !== '' && !isTaskState(state))) unusable.push('status');
  const minutes = read('minutes', /^[1-9]\d{0,6}$/);
  return {
    states: TASK_STATES.filter((state) => asked.includes(state)),
    queue: read('queue', QUEUE_NAME),
    group: read('group', GROUP),
    batch: read('batch_id', BATCH_ID),
    worker: read('worker_id', WORKER_ID),
    cause: read('cause', CAUSE),
    minutes: minutes === undefined ? undefined : Number(minutes),
    cursor: read('cursor', CURSOR),
    unusable,
  };
}

/**
 * Reads the filters of a bulk action. Every parameter could be meant as a filter, so an empty one, and one that is not
 * in `others`, is invalid.
 */
export function readActionFilters(query: URLSearchParams, others: readonly string[]): TaskFilters {
  const filters = readFilters(query);
  const lost = [...new Set(query.keys())].filter((name) => {
    if (!FILTERS.includes(name)) return !others.includes(name);
    return query.getAll(name).some((text) => text.trim() === '');
  });
  return { ...filters, unusable: [...new Set([...filters.unusable, ...lost])] };
}

function isTaskState(text: string): text is TaskState {
  return (TASK_STATES as readonly string[]).includes(text);
}

/** The same filters as query parameters, without the cursor. */
export function queryOf({
  states,
  queue,
  group,
  batch,
  worker,
  cause,
  minutes,
}: TaskFilters): URLSearchParams {
  const query = new URLSearchParams();
  for (const state of states) query.append('status', state);
  const fields = {
    ...{ queue, group, batch_id: batch, worker_id: worker, cause },
    minutes: minutes?.toString(),
  };
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, value);
  return query;
}

/** The filter for the store. */
export function storeFilter(filters: TaskFilters, now: Instant): Omit<TaskFilter, 'queues'> {
  const { states, group, batch, worker, cause, minutes } = filters;
  return {
    states: states.length === 0 ? undefined : states,
    group,
    batchId: batch,
    workerId: worker,
    cause,
    createdAfter: minutes === undefined ? undefined : now - minutes * 60_000,
  };
}

/** The filters in words, for sentences and the log. */
export function describeFilters({
  states,
  queue,
  group,
  batch,
  worker,
  cause,
  minutes,
}: TaskFilters): string {
  const parts = [
    states.length === 0 ? '' : states.join(' or '),
    queue === undefined ? '' : `in queue ${queue}`,
    group === undefined ? '' : `of group ${group}`,
    batch === undefined ? '' : `of batch ${batch}`,
    worker === undefined ? '' : `of worker ${worker}`,
    cause === undefined ? '' : `with cause ${cause}`,
    minutes === undefined ? '' : `enqueued in the last ${minutes} minutes`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}
