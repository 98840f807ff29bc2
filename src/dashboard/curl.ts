import type { TaskSpec } from '../task/task.js';

/** Some systems reject longer command lines. */
const MAX_LENGTH = 100_000;
const KEY = '-H "X-API-Key: $API_KEY"';

export interface PayloadText {
  readonly code: string;
  /** JSON text. */
  readonly metadata?: string;
}

/** A command that reads the task. */
export function curlToRead(id: string, origin: string): string {
  return `curl -s ${KEY} ${quoted(`${origin}/tasks/${encodeURIComponent(id)}`)}`;
}

/** A command that enqueues the same work under another id; `undefined` when it is too long for a command line. */
export function curlToEnqueue(
  spec: TaskSpec,
  { code, metadata }: PayloadText,
  origin: string,
): string | undefined {
  const fields = {
    eval_id: `${spec.id.slice(0, 120)}-again`,
    queue: spec.queue,
    group: spec.group,
    requires: spec.requires,
    priority: spec.priority,
    language: spec.language,
    engine: spec.engine,
    timeout: spec.timeout,
    max_attempts: spec.maxAttempts,
    batch_id: spec.batchId,
    code,
  };
  const text = JSON.stringify(fields);
  const body = metadata === undefined ? text : `${text.slice(0, -1)},"metadata":${metadata}}`;
  const command = `curl -s ${KEY} -H 'Content-Type: application/json' ${quoted(`${origin}/tasks`)} --data-raw ${quoted(body)}`;
  return command.length > MAX_LENGTH ? undefined : command;
}

/** Quotes any text as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
