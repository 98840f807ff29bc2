import type { Payload } from '../storage/task-store.js';
import type { TaskSpec } from '../task/task.js';

const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * Whether two enqueues under one id ask for the same work. The trace and the batch say how a task came in, not what
 * it is, so a retried request or batch still finds its task.
 */
export function isSameSpec(one: TaskSpec, other: TaskSpec): boolean {
  return fingerprint(one) === fingerprint(other);
}

/** Whether two payloads are the same JSON: white space and the spelling of strings aside, numbers as they are written. */
export function isSamePayload(one: Payload, other: Payload): boolean {
  return one === other || canonical(one) === canonical(other);
}

function fingerprint({ traceparent: _, batchId: __, ...spec }: TaskSpec): string {
  return JSON.stringify(spec, inOneOrder);
}

/** Stores of earlier versions may give members back in another order, also those of `backoff` and `requires`. */
function inOneOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function canonical(json: string): string {
  return (json.match(JSON_TOKEN) ?? [])
    .map((token) => (token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token))
    .join('');
}
