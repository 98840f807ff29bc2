import { TASK_STATES } from '../task/task-state.js';
import type { TaskFilters } from './task-filters.js';

/** What can stand before the colon in the search box, and the filter that it sets. */
export const SEARCH_FIELDS = {
  is: 'status',
  queue: 'queue',
  group: 'group',
  batch: 'batch_id',
  worker: 'worker_id',
  cause: 'cause',
  id: 'id',
  error: 'error',
  exit: 'exit_code',
  enqueued: 'minutes',
  ended: 'ended',
} as const;

type SearchField = keyof typeof SEARCH_FIELDS;

const TOKEN = /([a-z]+):"((?:[^"\\]|\\.)*)"?|([a-z]+):(\S*)|"((?:[^"\\]|\\.)*)"?|(\S+)/g;
const AGE = /^(\d{1,4})(m|h|d)$/;
const MINUTES = { m: 1, h: 60, d: 1440 } as const;

/**
 * The filters of a search as query parameters: `queue:gpu error:"out of memory" is:failed` and words without a field.
 * A value that a field does not accept is kept, so that the page can say so.
 */
export function searchQuery(text: string): URLSearchParams {
  const query = new URLSearchParams();
  for (const [all, field, quoted, name, plain, phrase, word] of text.matchAll(TOKEN)) {
    const given = field ?? name;
    if (given !== undefined && isField(given)) addField(query, given, unquoted(quoted) ?? plain ?? '');
    // Ids of scheduled tasks have colons too.
    else query.append('text', given === undefined ? (unquoted(phrase) ?? word ?? all) : all);
  }
  return query;
}

function addField(query: URLSearchParams, field: SearchField, value: string): void {
  if (field === 'enqueued') {
    const [, count, unit] = AGE.exec(value) ?? [];
    const minutes =
      count === undefined ? value : String(Number(count) * MINUTES[unit as keyof typeof MINUTES]);
    query.append('minutes', minutes);
  } else if (field === 'ended') {
    const [after = '', before = ''] = value.split('..', 2);
    if (after !== '') query.append('ended_after', after);
    if (before !== '') query.append('ended_before', before);
    if (after === '' && before === '') query.append('ended_after', value);
  } else query.append(SEARCH_FIELDS[field], value);
}

/** The same filters as a text for the search box. */
export function searchTextOf(filters: TaskFilters): string {
  const { states, queue, group, batch, worker, cause, minutes, id, errors, exitCode, words } = filters;
  const part = (field: SearchField, value: string | number | undefined) =>
    value === undefined ? [] : [`${field}:${quotedIfNeeded(String(value))}`];
  return [
    ...states.flatMap((state) => part('is', state)),
    ...part('queue', queue),
    ...part('group', group),
    ...part('batch', batch),
    ...part('worker', worker),
    ...part('cause', cause),
    ...part('id', id),
    ...errors.flatMap((text) => part('error', text)),
    ...part('exit', exitCode),
    ...part('enqueued', minutes === undefined ? undefined : `${minutes}m`),
    ...part('ended', rangeOf(filters)),
    ...words.map(quotedIfNeeded),
  ].join(' ');
}

function rangeOf({ endedAfter, endedBefore }: TaskFilters): string | undefined {
  if (endedAfter === undefined && endedBefore === undefined) return undefined;
  const text = (instant: number | undefined) =>
    instant === undefined ? '' : new Date(instant).toISOString().replace(/(?::00)?\.000Z$/, 'Z');
  return `${text(endedAfter)}..${text(endedBefore)}`;
}

function quotedIfNeeded(text: string): string {
  return /[\s"]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

function unquoted(text: string | undefined): string | undefined {
  return text?.replace(/\\(.)/g, '$1');
}

function isField(name: string): name is SearchField {
  return Object.hasOwn(SEARCH_FIELDS, name);
}

/** Values that a field offers while the operator types, for fields with fixed values. */
export const FIXED_VALUES: Readonly<Partial<Record<SearchField, readonly string[]>>> = {
  is: TASK_STATES,
  enqueued: ['15m', '1h', '1d'],
};
