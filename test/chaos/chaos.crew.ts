import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../../src/client/index.js';
import { endServer, endWithParent } from '../support/server-process.js';
import type { BadAnswer } from './bad-answers.js';
import { ChaosProxy, type Traffic } from './chaos.proxy.js';

export const RUNTIMES = ['typescript', 'python', 'command', 'shell'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** A task of a campaign, and how it has to end. */
export interface ChaosTask {
  readonly code: string;
  readonly ends: 'completed' | 'failed';
  /** Seconds. */
  readonly timeout?: number;
}

/** So many tasks: most end at once, some fail, and a few outlast several heartbeats. */
export function tasksOf(count: number): readonly ChaosTask[] {
  return Array.from({ length: count }, (_, index) => {
    if (index % 20 === 7) return { code: 'sleep 4', ends: 'completed' };
    return index % 5 === 0 ? { code: 'error', ends: 'failed' } : { code: 'return', ends: 'completed' };
  });
}

export interface CrewOptions {
  /** The real service. */
  readonly url: string;
  readonly runtime: Runtime;
  /** What is run instead of the runtime's own worker, with the settings as its last argument. */
  readonly program?: readonly [string, ...string[]];
  readonly workers: number;
  readonly concurrency: number;
  /** Seconds. */
  readonly lease: number;
  readonly tasks: readonly ChaosTask[];
  readonly members: readonly BadAnswer[];
  readonly every: number;
  /** Workers of Node collect their garbage each second. */
  readonly collects?: boolean;
  /** Told now and then, with how many tasks have ended. */
  readonly onProgress?: (ended: number, workers: readonly ChildProcess[]) => void;
}

export interface CrewReport {
  /** Tasks that did not end as they had to, or not exactly once. */
  readonly wrong: readonly string[];
  readonly ended: number;
  /** Attempts beyond the first of each task: their lease was lost, or they were given back. */
  readonly extraAttempts: number;
  readonly heldAtTheEnd: number;
  /** Workers that ended by themselves, or with an error. */
  readonly brokenWorkers: readonly string[];
  readonly traffic: readonly Traffic[];
}

const CHUNK = 500;
const READS_AT_A_TIME = 8;
/** Collects garbage each second, so that what a process uses is what it holds. */
const COLLECT = ['--expose-gc', '--import', 'data:text/javascript,setInterval(gc,1000).unref()'];
const POLL_MS = 50;
const LONGEST_STALL_MS = 180_000;

/**
 * Has the workers of one runtime finish tasks in a queue of its own, each worker behind a proxy that answers badly, and
 * reads from the histories what became of each.
 */
export async function finishWithCrew(options: CrewOptions): Promise<CrewReport> {
  const { url, runtime, tasks } = options;
  const client = new Client({ url });
  const expected = new Map(tasks.map((task, index) => [`${runtime}-${index}`, task]));
  await enqueue(client, runtime, expected);
  const crew = await startCrew(options);
  try {
    await untilEnded(client, options, crew);
    for (const { proxy } of crew) proxy.isActive = false;
    const endings = await Promise.all(crew.map(({ child }) => endWorker(child)));
    const brokenWorkers = endings.flatMap((code, index) =>
      code === 0 ? [] : [`${runtime}-${index} ended with ${code}: ${crew[index]?.said() ?? ''}`],
    );
    const { leased } = await client.queues.stats(runtime);
    return {
      ...(await readHistories(client, expected)),
      ended: tasks.length,
      heldAtTheEnd: leased,
      brokenWorkers,
      traffic: crew.map(({ proxy }) => proxy.traffic),
    };
  } finally {
    await Promise.all(crew.map(({ child }) => endServer(child, 'SIGKILL')));
    await Promise.all(crew.map(({ proxy }) => proxy.close()));
  }
}

interface Member {
  readonly proxy: ChaosProxy;
  readonly child: ChildProcess;
  readonly said: () => string;
}

async function enqueue(client: Client, queue: string, tasks: ReadonlyMap<string, ChaosTask>): Promise<void> {
  // What ends an attempt beside its task is a fault of the run: budgets leave room to see it.
  const inputs = [...tasks].map(([eval_id, { code, timeout = 60 }]) => ({
    eval_id,
    code,
    queue,
    timeout,
    max_attempts: 1,
    max_interruptions: 20,
  }));
  for await (const { rejected } of client.enqueueAll(inputs, { size: CHUNK }))
    if (rejected > 0) throw new Error(`${rejected} tasks were refused`);
}

async function startCrew(options: CrewOptions): Promise<Member[]> {
  const { url, runtime, workers, members, every } = options;
  const target = Number(new URL(url).port);
  const crew: Member[] = [];
  for (let index = 0; index < workers; index += 1) {
    const offset = Math.floor((index * members.length) / workers);
    const proxy = await ChaosProxy.open({ target, members, every, offset });
    const child = startWorker(options, `${runtime}-${index}`, proxy.url);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
    crew.push({ proxy, child, said: () => said });
  }
  return crew;
}

function startWorker(options: CrewOptions, id: string, url: string): ChildProcess {
  const { runtime, concurrency, lease } = options;
  const settings = JSON.stringify({ url, worker_id: id, concurrency, lease, queues: [runtime] });
  const command = ['dist/cli/main.js', 'work', '-q', '--lease', String(lease), '-j', String(concurrency)];
  const node = options.collects === true ? COLLECT : [];
  const programs: Readonly<Record<Runtime, readonly [string, ...string[]]>> = {
    typescript: [process.execPath, ...node, 'clients/scenarios/worker.mjs', settings],
    python: ['python3', 'clients/scenarios/worker.py', settings],
    command: [process.execPath, ...node, ...command, '--queue', runtime, '--worker-id', id, '--', 'sh'],
    shell: ['sh', 'clients/shell/worker.sh'],
  };
  const [program, ...args] =
    options.program === undefined ? programs[runtime] : ([...options.program, settings] as const);
  const { PATH } = process.env;
  const env = { PATH, QUEUE_URL: url, QUEUES: runtime, WORKER_ID: id, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  endWithParent(child);
  return child;
}

async function untilEnded(client: Client, options: CrewOptions, crew: readonly Member[]): Promise<void> {
  const { runtime, tasks, onProgress } = options;
  let left = tasks.length;
  for (let lookedAt = performance.now(); left > 0; await delay(POLL_MS)) {
    for (const { child, said } of crew)
      if (child.exitCode !== null) throw new Error(`A worker ended by itself: ${child.exitCode} ${said()}`);
    const { backlog, delayed } = await client.queues.stats(runtime);
    if (backlog + delayed !== left) lookedAt = performance.now();
    left = backlog + delayed;
    onProgress?.(
      tasks.length - left,
      crew.map(({ child }) => child),
    );
    if (performance.now() - lookedAt > LONGEST_STALL_MS)
      throw new Error(
        `No task ended for a while, ${left} are left; ${crew.map(({ said }) => said()).join()}`,
      );
  }
}

/** Its exit code. */
async function endWorker(child: ChildProcess): Promise<number | null> {
  await endServer(child, 'SIGTERM');
  return child.exitCode;
}

async function readHistories(
  client: Client,
  expected: ReadonlyMap<string, ChaosTask>,
): Promise<Pick<CrewReport, 'wrong' | 'extraAttempts'>> {
  const wrong: string[] = [];
  let extraAttempts = 0;
  const left = expected.entries();
  const readOn = async (): Promise<void> => {
    for (const [id, task] of left) await readOne(id, task);
  };
  const readOne = async (id: string, { code, ends }: ChaosTask): Promise<void> => {
    const outcomes = (await client.attempts(id)).map(({ outcome }) => outcome);
    const ended = outcomes.filter((outcome) => outcome === 'completed' || outcome === 'failed');
    extraAttempts += outcomes.length - ended.length;
    if (ended.join() !== ends)
      wrong.push(`${id}: ${outcomes.join()} instead of ${ends}: ${code.slice(0, 60)}`);
  };
  await Promise.all(Array.from({ length: READS_AT_A_TIME }, readOn));
  return { wrong, extraAttempts };
}

/** Memory in MiB and open descriptors of a process. */
export function usageOf({ pid }: ChildProcess): { readonly mebibytes: number; readonly descriptors: number } {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { mebibytes: Number(kibibytes) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
