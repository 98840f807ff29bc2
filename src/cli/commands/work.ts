import { hostname } from 'node:os';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type HeldTask, type TaskContext, Worker, type WorkerEvent } from '../../client/index.js';
import { CannotStart, runChild } from '../child-handler.js';
import type { User } from '../child-user.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT, problemText } from '../exit-code.js';

export interface WorkOptions {
  readonly jobs?: number;
  readonly queue?: string[];
  readonly weights?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly workerId?: string;
  readonly lease?: number;
  readonly once?: boolean;
  readonly untilEmpty?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly user?: string;
}

/** `work`: runs a command per task. The first signal lets running tasks finish; the second releases them. */
export async function work(
  command: readonly string[],
  options: WorkOptions,
  context: Context,
): Promise<void> {
  const [program, ...args] = command;
  if (program === undefined)
    throw new CommandFailed(EXIT.usage, 'Name the program to run: crucible-queue work -- COMMAND');
  // The command gets the lease of its own task, and never the worker's key.
  const environment = withoutKey(process.env);
  const user = options.user === undefined ? undefined : userOf(options.user);
  const child = { command: [program, ...args] as const, isJson: options.json, environment, user };
  if (process.env.QUEUE_API_KEY && user === undefined && !options.quiet)
    context.say(
      'The program runs as the same user and could read QUEUE_API_KEY; use --user to run it as another user',
    );
  let failure: CannotStart | undefined;
  const handler = async (task: HeldTask, given: TaskContext): Promise<unknown> =>
    runChild(task, given, child).catch((error: unknown) => {
      if (!(error instanceof CannotStart)) throw error;
      failure = error;
      void worker.stop({ grace: 0 });
      throw error;
    });
  const worker = new Worker(context.client, handler, {
    workerId: options.workerId ?? `${hostname()}-${process.pid}`,
    queues: options.weights ?? options.queue,
    labels: options.labels,
    concurrency: options.jobs ?? 1,
    lease: options.lease,
    // Commands run in their own processes and do not block the event loop.
    heartbeatThread: false,
    onEvent: (event) => printEvent(event, options, context),
  });
  const unsubscribe = stopOnSignals(worker, context);
  try {
    const summary = await worker.run({
      maxTasks: options.once ? 1 : undefined,
      untilEmpty: options.untilEmpty,
    });
    if (!options.quiet) context.say(`worker ended: ${JSON.stringify(summary)}`);
  } finally {
    unsubscribe();
  }
  if (failure) throw new CommandFailed(EXIT.unavailable, `${program} cannot be started: ${failure.message}`);
}

/** Removes every variable whose value contains the key, under any name. */
function withoutKey(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { QUEUE_API_KEY: given = '', ...rest } = environment;
  const key = given.trim();
  if (key === '') return rest;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value?.includes(key) !== true));
}

function stopOnSignals(worker: Worker, context: Context): () => void {
  let count = 0;
  const stop = (): void => {
    count += 1;
    context.say(
      count === 1 ? 'Finishing running tasks; interrupt again to release them' : 'Releasing running tasks',
    );
    void worker.stop(count === 1 ? {} : { grace: 0 });
  };
  // After a hangup the operator cannot send a second signal.
  const giveBack = (): void => void worker.stop({ grace: 0 });
  const signals = { SIGINT: stop, SIGTERM: stop, ...(ignoresHangup() ? {} : { SIGHUP: giveBack }) };
  for (const [signal, act] of Object.entries(signals)) process.on(signal, act);
  return () => {
    for (const [signal, act] of Object.entries(signals)) process.off(signal, act);
  };
}

const LONGEST_REASON = 1000;
const SIGHUP_BIT = 1n;

/** Whether nohup started the worker; our own handler would undo it. Only Linux provides this information. */
function ignoresHangup(): boolean {
  try {
    const [, mask = '0'] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
  } catch {
    return false;
  }
}

/** Parses `name`, `uid` or `uid:gid`. @throws CommandFailed for an unknown user */
function userOf(text: string): User {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (uid !== undefined) return { uid: Number(uid), gid: Number(gid ?? uid) };
  try {
    const [own, group] = ['-u', '-g'].map((flag) =>
      Number(execFileSync('id', [flag, '--', text], { stdio: 'pipe' })),
    );
    return { uid: own ?? Number.NaN, gid: group ?? Number.NaN };
  } catch {
    throw new CommandFailed(EXIT.usage, `--user: this machine has no user ${text}`);
  }
}

/** Shortens texts of servers and tasks, which can be megabytes long. */
function shortened(text: string): string {
  return text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON)}…`;
}

function printEvent(
  { type, task, status, error }: WorkerEvent,
  { quiet }: WorkOptions,
  context: Context,
): void {
  if (type === 'trouble') {
    context.say(`${problemText(error, context.url)}; retrying`);
    return;
  }
  if (type === 'recovered') {
    context.say(`${context.url} answers again`);
    return;
  }
  if (quiet) return;
  const about = task === undefined ? '' : ` ${task.eval_id} (attempt ${task.attempt})`;
  const ended = status === undefined || status === type ? '' : `, now ${status}`;
  const why = error instanceof Error ? `: ${shortened(error.message)}` : '';
  context.say(`${type}${about}${ended}${why}`);
}
