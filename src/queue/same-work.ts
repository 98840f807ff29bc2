import type { Payload } from '../storage/task-store.js';
import type { TaskSpec } from '../task/task.js';

const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * Whether two enqueues with one id contain the same work. The trace and the batch do not count, so that a retried
 * request or batch still matches its task.
 */
export function isSameSpec(one: TaskSpec, other: TaskSpec): boolean {
  return fingerprint(one) === fingerprint(other);
}

/**
 * Whether two payloads are the same JSON, ignoring white space and string escapes. Numbers must have the same spelling.
 */
export function isSamePayload(one: Payload, other: Payload): boolean {
  return one === other || canonical(one) === canonical(other);
}

function fingerprint({ traceparent: _, batchId: __, ...spec }: TaskSpec): string {
  return JSON.stringify(spec, sortMembers);
}

/** Stores of earlier versions may return members in another order, also those of `backoff` and `requires`. */
function sortMembers(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function canonical(json: string): string {
  return (json.match(JSON_TOKEN) ?? [])
    .map((token) => (token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token))
    .join('');
}
