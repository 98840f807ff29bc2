import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { AttemptFailed, type ClaimedTask, PermanentError, type TaskContext } from '../client/index.js';

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  /** The output is the JSON on the standard output of the command, not its text. */
  readonly isJson?: boolean;
  /** The environment of the command; it gets the task's variables on top. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The command itself cannot be started: no task can be blamed for it. */
export class CannotStart extends Error {}

const MOST_OUTPUT_BYTES = 1_500_000;
const ERROR_TAIL_BYTES = 8192;
const KILL_AFTER_MS = 5000;
/** sysexits.h: EX_DATAERR, the input is wrong, and EX_TEMPFAIL, it may go well another time. */
const FAILED_FOR_GOOD = 65;

/**
 * Runs a command for a task: the code on its standard input, its standard output as the task's output, the end of its
 * standard error as the task's error. It dies with the task's signal, and all that it has started in its process group.
 */
export async function runChild(
  task: ClaimedTask,
  { signal }: TaskContext,
  options: ChildOptions,
): Promise<unknown> {
  const [program, ...args] = options.command;
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...options.environment, ...variablesOf(task) },
    // A group of its own: what it has started is stopped with it, and Ctrl-C is for the worker alone.
    detached: true,
  });
  // A command that does not read its input to the end is no error.
  child.stdin.on('error', () => undefined);
  child.stdin.end(task.code);
  const output = collect(child.stdout, MOST_OUTPUT_BYTES);
  const error = collectTail(child.stderr, ERROR_TAIL_BYTES);
  const letGo = killOnSignal(child, signal);
  try {
    const code = await exitOf(child);
    signal.throwIfAborted();
    if (code !== 0) throw failureOf(code, error());
    return outputOf(output(), options.isJson ?? false);
  } finally {
    letGo();
  }
}

function variablesOf(task: ClaimedTask): Record<string, string> {
  return {
    QUEUE_EVAL_ID: task.eval_id,
    QUEUE_ATTEMPT: String(task.attempt),
    QUEUE_LEASE_ID: task.lease_id,
    QUEUE_NAME: task.queue,
    QUEUE_LANGUAGE: task.language,
    QUEUE_ENGINE: task.engine,
    QUEUE_TIMEOUT: String(task.timeout),
    QUEUE_METADATA: JSON.stringify(task.metadata ?? null),
    ...(task.traceparent === null ? {} : { TRACEPARENT: task.traceparent }),
  };
}

function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new CannotStart(error.message)));
    child.once('close', (code, ended) => resolve(code ?? ended ?? 'SIGKILL'));
  });
}

function killOnSignal(child: ChildProcess, signal: AbortSignal): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    killGroup(child, 'SIGTERM');
    timer = setTimeout(() => killGroup(child, 'SIGKILL'), KILL_AFTER_MS);
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  };
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function failureOf(code: number | NodeJS.Signals, said: string): Error {
  const message = said.trim() === '' ? `The command ended with ${code}` : said;
  if (typeof code !== 'number') return new AttemptFailed(message);
  if (code === FAILED_FOR_GOOD) return new PermanentError(message, code);
  return new AttemptFailed(message, code);
}

/** What is beyond the limit is dropped, and the output counts as too large. */
function collect(stream: Readable, limit: number): () => Buffer | undefined {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  });
  return () => (size > limit ? undefined : Buffer.concat(chunks));
}

function collectTail(stream: Readable, limit: number): () => string {
  let tail = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-limit);
    process.stderr.write(chunk);
  });
  return () => tail.toString();
}

function outputOf(output: Buffer | undefined, isJson: boolean): unknown {
  if (output === undefined) throw new PermanentError(`The output is larger than ${MOST_OUTPUT_BYTES} bytes`);
  if (!isJson) return output.toString();
  try {
    return JSON.parse(output.toString()) as unknown;
  } catch (error) {
    throw new PermanentError(`The output is not JSON: ${(error as Error).message}`);
  }
}
