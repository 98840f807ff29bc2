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
import { relay } from './context.js';

/** A user and group by number. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  /** The output is the JSON on the standard output of the command, not its text. */
  readonly isJson?: boolean;
  /** The environment of the command; it gets the task's variables on top. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Runs the command, instead of the worker's own user. */
  readonly user?: User;
}

/** The command itself cannot be started: no task can be blamed for it. */
export class CannotStart extends Error {}

const MOST_OUTPUT_BYTES = 1_500_000;
const ERROR_TAIL_BYTES = 8192;
const KILL_AFTER_MS = 5000;
/** How long pipes may stay open when the command has ended: what it wrote is in them, what still holds them is not it. */
const DRAIN_MS = 250;
/** The same where something that left its group goes on writing. */
const LONGEST_DRAIN_MS = 1000;
/** Seconds before a task is handed out again that found no process or descriptor left on this machine. */
const FULL_MACHINE_DELAY = 5;
/** sysexits.h: EX_DATAERR, the input is wrong, and EX_TEMPFAIL, it may go well another time. */
const FAILED_FOR_GOOD = 65;

/** What the machine lacks for the moment. */
const FULL_MACHINE: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
/** What only this task's variables can cause. */
const BAD_TASK: ReadonlySet<string> = new Set(['E2BIG', 'ERR_INVALID_ARG_VALUE']);

/**
 * Runs a command for a task: the code on its standard input, its standard output as the task's output, the end of its
 * standard error as the task's error. Its process group dies with the task's signal, and what is left of it when the
 * command has ended.
 *
 * @throws CannotStart when no task can ever be run; GiveBack when this machine has no process or descriptor left
 */
export async function runChild(
  task: HeldTask,
  { signal }: TaskContext,
  options: ChildOptions,
): Promise<unknown> {
  if (/\p{Surrogate}/u.test(task.code))
    throw new PermanentError('The code has half a surrogate pair, which no bytes stand for');
  const child = start(task, options);
  const ended = exitOf(child);
  // A command that does not read its input to the end is no error.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(task.code);
  const output = collect(child.stdout, MOST_OUTPUT_BYTES);
  const error = collectTail(child.stderr, ERROR_TAIL_BYTES);
  const letGo = killOnSignal(child, signal);
  try {
    const code = await ended;
    await drained(child);
    signal.throwIfAborted();
    if (code !== 0) throw failureOf(code, error());
    return outputOf(output(), options.isJson ?? false);
  } finally {
    letGo();
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
      // A group of its own: what it has started is stopped with it, and Ctrl-C is for the worker alone.
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
    ...(task.traceparent === null ? {} : { TRACEPARENT: task.traceparent }),
  };
}

/** `exit`, not `close`: a process that the command left behind may keep its pipes open for ever. */
function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(startFailure(error)));
    child.once('exit', (code, ended) => resolve(code ?? ended ?? 'SIGKILL'));
  });
}

/** Resolves when everything that the command wrote has been read, or nothing has come for a while, or for too long. */
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
      // An event loop that was held up reads first, and then looks whether something came.
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
    // What a process of its group writes for ever is not output of the command.
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
    // EPERM: what is left of it belongs to another user, or is a zombie.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function failureOf(code: number | NodeJS.Signals, said: string): Error {
  const message = said.trim() === '' ? `The command ended with ${code}` : said;
  if (typeof code !== 'number') return new AttemptFailed(message);
  if (code === FAILED_FOR_GOOD) return new PermanentError(message, code);
  return new AttemptFailed(message, code);
}

/** What is beyond the limit is dropped, and the output counts as too large. */
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

/** Shows the standard error of the command as it comes, no faster than the reader takes it, and keeps its end. */
function collectTail(stream: Readable | null, limit: number): () => string {
  let tail = Buffer.alloc(0);
  const decoder = new TextDecoder();
  stream?.on('error', () => undefined);
  stream?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-limit);
    // Where it is no terminal, it is a log that is read on one.
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

/** @throws PermanentError: other bytes would be changed on their way */
function textOf(output: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(output);
  } catch {
    throw new PermanentError('The output is not UTF-8; encode other bytes, for example with base64');
  }
}
