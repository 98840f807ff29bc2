import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import {
  AttemptFailed,
  GiveBack,
  type HeldTask,
  JsonText,
  PermanentError,
  type TaskContext,
} from '../client/index.js';
import { steadyNow } from '../client/steady-clock.js';
import { textOfError } from '../client/verdicts.js';
import { ARTIFACTS_VARIABLE, ArtifactDirectory } from './child-artifacts.js';
import type { User } from './child-user.js';
import { relay } from './context.js';

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  /** Parse the command's standard output as JSON, instead of sending it as a string. */
  readonly isJson?: boolean;
  /** The command's environment, to which the task's variables are added. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Runs the command as this user instead of the worker's own. */
  readonly user?: User;
}

/** The command itself cannot be started, whatever the task. */
export class CannotStart extends Error {}

const MOST_OUTPUT_BYTES = 1_500_000;
const ERROR_TAIL_BYTES = 8192;
const KILL_AFTER_MS = 5000;
/**
 * How long pipes may stay open after the command has ended. Its own output is already in them; another process holds
 * them open.
 */
const DRAIN_MS = 250;
/** The same when a process outside the group keeps writing. */
const LONGEST_DRAIN_MS = 1000;
/** Seconds before a task is retried after this machine ran out of processes or descriptors. */
const FULL_MACHINE_DELAY = 5;
/** sysexits.h: EX_DATAERR means wrong input, EX_TEMPFAIL a temporary failure. */
const FAILED_FOR_GOOD = 65;

/** Errors of a machine that is temporarily out of resources. */
const FULL_MACHINE: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
/** Errors that only this task's variables can cause. */
const BAD_TASK: ReadonlySet<string> = new Set(['E2BIG', 'ERR_INVALID_ARG_VALUE']);

/**
 * Runs a command for a task. The code is its standard input, its standard output is the task's output, and the end of
 * its standard error is the task's error. Both go into the task's log while it runs. The task's signal kills its process
 * group, and so does the end of the command. Files that the command writes to `$CRUCIBLE_ARTIFACTS` become artifacts of
 * the task.
 *
 * @throws CannotStart when the command cannot be started for any task; GiveBack when this machine is out of processes
 * or descriptors
 */
export async function runChild(
  task: HeldTask,
  context: TaskContext,
  options: ChildOptions,
): Promise<unknown> {
  const directory = await ArtifactDirectory.make(options.user);
  try {
    const environment = { ...options.environment, [ARTIFACTS_VARIABLE]: directory.path };
    return await withArtifacts(runCommand(task, context, { ...options, environment }), async () => {
      if (!context.signal.aborted) reportSkipped(task, await directory.store(task, context));
    });
  } finally {
    await directory.remove();
  }
}

/** Stores the artifacts of a failed command too. If both fail, the failure of the command is reported. */
async function withArtifacts(output: Promise<unknown>, store: () => Promise<void>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([output]);
  if (outcome.status === 'fulfilled') {
    await store();
    return outcome.value;
  }
  await store().catch((error: unknown) => relay(`${textOfError(error)}\n`));
  throw outcome.reason;
}

function reportSkipped({ eval_id: id }: HeldTask, names: readonly string[]): void {
  if (names.length > 0) relay(`Task ${id}: not stored as artifacts: ${names.join(', ')}\n`);
}

async function runCommand(
  task: HeldTask,
  { signal, log }: TaskContext,
  options: ChildOptions,
): Promise<unknown> {
  if (/\p{Surrogate}/u.test(task.code))
    throw new PermanentError('The code contains an unpaired surrogate, which UTF-8 cannot encode');
  const child = start(task, options);
  const ended = exitOf(child);
  // The command need not read all of its input.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(task.code);
  for (const pipe of [child.stdout, child.stderr]) streamTo(log, pipe, ended);
  const output = collect(child.stdout, MOST_OUTPUT_BYTES);
  const error = collectTail(child.stderr, ERROR_TAIL_BYTES);
  const unsubscribe = killOnSignal(child, signal);
  try {
    const code = await ended;
    await drained(child);
    signal.throwIfAborted();
    if (code !== 0) throw failureOf(code, error());
    return outputOf(output(), options.isJson ?? false);
  } finally {
    unsubscribe();
    killGroup(child, 'SIGKILL');
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
  }
}

function start(
  task: HeldTask,
  { command: [program, ...args], environment, user }: ChildOptions,
): ChildProcess {
  try {
    return spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...environment, ...variablesOf(task) },
      // Its own process group: the worker can stop all of its processes, and Ctrl-C reaches only the worker.
      detached: true,
      ...user,
    });
  } catch (error) {
    throw startFailure(error as NodeJS.ErrnoException);
  }
}

function startFailure(error: NodeJS.ErrnoException): Error {
  const code = error.code ?? '';
  if (FULL_MACHINE.has(code))
    return new GiveBack(`The worker's machine is out of resources: ${error.message}`, FULL_MACHINE_DELAY);
  if (BAD_TASK.has(code))
    return new PermanentError(`The task cannot be passed to the program: ${error.message}`);
  return new CannotStart(error.message);
}

function variablesOf(task: HeldTask): Record<string, string> {
  return {
    QUEUE_EVAL_ID: task.eval_id,
    QUEUE_ATTEMPT: String(task.attempt),
    QUEUE_LEASE_ID: task.lease_id,
    QUEUE_NAME: task.queue,
    QUEUE_LANGUAGE: task.language,
    QUEUE_ENGINE: task.engine,
    QUEUE_TIMEOUT: String(task.timeout),
    QUEUE_METADATA: task.metadata_text ?? 'null',
    QUEUE_CHECKPOINT: task.checkpoint_text ?? 'null',
    QUEUE_CHECKPOINT_ATTEMPT: String(task.checkpoint_attempt ?? ''),
    ...(task.traceparent === null ? {} : { TRACEPARENT: task.traceparent }),
  };
}

/** `exit`, not `close`: a remaining process may keep the pipes open without end. */
function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(startFailure(error)));
    child.once('exit', (code, ended) => resolve(code ?? ended ?? 'SIGKILL'));
  });
}

/**
 * Resolves when all output of the command has been read, when no data has arrived for a while, or after a time limit.
 */
function drained(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const end = steadyNow() + LONGEST_DRAIN_MS;
    let timer: ReturnType<typeof setTimeout>;
    let pieces = 0;
    const wait = (): void => {
      const before = pieces;
      const look = (): void => {
        if (pieces === before || steadyNow() >= end) resolve();
        else wait();
      };
      // After a blocked turn, the event loop reads first and then checks whether data arrived.
      timer = setTimeout(() => setImmediate(look), DRAIN_MS);
    };
    const count = (): void => void (pieces += 1);
    child.stdout?.on('data', count);
    child.stderr?.on('data', count);
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    wait();
    // A remaining process that keeps writing is not the command.
    killGroup(child, 'SIGKILL');
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
    // EPERM: the remaining processes belong to another user, or are zombies.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function failureOf(code: number | NodeJS.Signals, said: string): Error {
  const message = said.trim() === '' ? `The command exited with ${code}` : said;
  if (typeof code !== 'number') return new AttemptFailed(message);
  if (code === FAILED_FOR_GOOD) return new PermanentError(message, code);
  return new AttemptFailed(message, code);
}

/**
 * Copies what the command writes into the log. While the log has no room, the command waits; after its end, nothing
 * does, because its output must be complete.
 */
function streamTo(log: TaskContext['log'], pipe: Readable | null, ended: Promise<unknown>): void {
  let isOver = false;
  const end = (): void => {
    isOver = true;
    pipe?.resume();
  };
  ended.then(end, end);
  pipe?.on('data', (chunk: Buffer) => {
    let hasRoom = false;
    let isPaused = false;
    void log(chunk).then(() => {
      hasRoom = true;
      if (isPaused) pipe.resume();
    });
    // Usually there is room at once.
    setImmediate(() => {
      isPaused = !hasRoom && !isOver;
      if (isPaused) pipe.pause();
    });
  });
}

/** Drops bytes beyond the limit; the output then counts as too large. */
function collect(stream: Readable | null, limit: number): () => Buffer | undefined {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('error', () => undefined);
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  });
  return () => (size > limit ? undefined : Buffer.concat(chunks));
}

/** Relays the command's standard error at the reader's pace, and keeps its end. */
function collectTail(stream: Readable | null, limit: number): () => string {
  let tail = Buffer.alloc(0);
  const decoder = new TextDecoder();
  stream?.on('error', () => undefined);
  stream?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-limit);
    // Control characters are escaped for log files too, because logs are read on terminals.
    const isFull = !relay(decoder.decode(chunk, { stream: true }));
    if (!isFull) return;
    stream.pause();
    const goOn = (): void => {
      process.stderr.off('drain', goOn);
      process.stderr.off('close', goOn);
      stream.resume();
    };
    process.stderr.once('drain', goOn);
    process.stderr.once('close', goOn);
  });
  return () => tail.toString();
}

function outputOf(output: Buffer | undefined, isJson: boolean): unknown {
  if (output === undefined) throw new PermanentError(`The output is larger than ${MOST_OUTPUT_BYTES} bytes`);
  const text = textOf(output);
  if (!isJson) return text;
  try {
    return new JsonText(text);
  } catch (error) {
    throw new PermanentError(`The output is not JSON: ${(error as Error).message}`);
  }
}

/** @throws PermanentError for bytes that are not UTF-8, which JSON could not carry unchanged */
function textOf(output: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(output);
  } catch {
    throw new PermanentError('The output is not UTF-8; encode other bytes, for example with base64');
  }
}
