import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../../src/client/index.js';
import { endServer } from './server-process.js';
import { until } from './until.js';

const ROOT = process.cwd();

export interface FleetOptions {
  readonly url: string;
  readonly tasks: number;
  /** How many workers are killed meanwhile, evenly over the tasks, and replaced by one of their kind. */
  readonly kills: number;
}

export interface FleetReport {
  readonly completed: number;
  /** Tasks whose history has another number of completions than one. */
  readonly wrong: readonly string[];
  /** Workers that were killed on the way. */
  readonly killed: number;
  /** Attempts that were lost with their worker. */
  readonly lost: number;
  /** Kinds that never had a task. */
  readonly idle: readonly Kind[];
  /** Who completed how many. */
  readonly byKind: Readonly<Record<Kind, number>>;
}

const KINDS = ['shell', 'command', 'typescript', 'python'] as const;
type Kind = (typeof KINDS)[number];

const POLL_MS = 20;
const CHUNK = 500;

/**
 * Has four kinds of workers empty one queue at once: a shell script with curl and jq, the command, and those of both
 * libraries. Some are killed on the way. What became of every task is read from its history.
 */
export async function emptyWithFleet({ url, tasks, kills }: FleetOptions): Promise<FleetReport> {
  const client = new Client({ url });
  const ids = Array.from({ length: tasks }, (_, index) => `fleet-${index}`);
  // A worker that the machine holds up for longer than the timeout reports a failure, as it should.
  const budgets = { max_attempts: 100, max_interruptions: 100 };
  const backoff = { type: 'fixed', delay: 0, jitter: 0 } as const;
  const inputs = ids.map((eval_id) => ({ eval_id, code: 'sleep 0.05', timeout: 1, ...budgets, backoff }));
  for await (const { rejected } of client.enqueueAll(inputs, { size: CHUNK }))
    if (rejected > 0) throw new Error(`${rejected} tasks were refused`);
  // Nobody begins before all of them wait, or the quickest to start would leave nothing to the others.
  await client.queues.pause('default');
  const fleet = new Map(KINDS.map((kind) => [kind, start(kind, url, 0)]));
  try {
    await until(async () => (await client.workers.list()).length === KINDS.length);
    await client.queues.resume('default');
    const killed = await killWhileTheyWork({ client, fleet, tasks, kills, url });
    return { killed, ...(await readHistories(client, ids)) };
  } finally {
    await Promise.all([...fleet.values()].map((worker) => end(worker)));
  }
}

interface Work {
  readonly client: Client;
  readonly fleet: Map<Kind, ChildProcess>;
  readonly tasks: number;
  readonly kills: number;
  readonly url: string;
}

/** How many it killed. */
async function killWhileTheyWork({ client, fleet, tasks, kills, url }: Work): Promise<number> {
  let killed = 0;
  for (let ended = 0; ended < tasks; await delay(POLL_MS)) {
    const { completed, failed, processing } = await client.status();
    ended = completed + failed;
    const isDue = ended >= ((killed + 1) * tasks) / (kills + 1);
    if (killed >= kills || !isDue || processing === 0) continue;
    const kind = KINDS[killed % KINDS.length] ?? 'shell';
    const worker = fleet.get(kind);
    if (worker) await end(worker);
    killed += 1;
    fleet.set(kind, start(kind, url, killed));
  }
  return killed;
}

function start(kind: Kind, url: string, number: number): ChildProcess {
  const id = `${kind}-${number}`;
  const settings = JSON.stringify({ url, worker_id: id, concurrency: 2, lease: 2 });
  const work = ['dist/cli/main.js', 'work', '-q', '--lease', '2', '--worker-id', id, '--', 'sh'];
  const programs: Readonly<Record<Kind, readonly [string, ...string[]]>> = {
    shell: ['sh', 'clients/shell/worker.sh'],
    command: [process.execPath, ...work],
    typescript: [process.execPath, 'clients/scenarios/worker.mjs', settings],
    python: ['python3', 'clients/scenarios/worker.py', settings],
  };
  const [program, ...args] = programs[kind];
  const { PATH } = process.env;
  const env = { PATH, QUEUE_URL: url, WORKER_ID: id, PYTHONDONTWRITEBYTECODE: '1' };
  // A group of its own: a shell script is killed together with the curl that it waits for.
  return spawn(program, args, { cwd: ROOT, env, detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
}

async function end(worker: ChildProcess): Promise<void> {
  if (worker.pid !== undefined && worker.exitCode === null) process.kill(-worker.pid, 'SIGKILL');
  await endServer(worker, 'SIGKILL');
}

async function readHistories(client: Client, ids: readonly string[]): Promise<Omit<FleetReport, 'killed'>> {
  const byKind = { shell: 0, command: 0, typescript: 0, python: 0 };
  const wrong: string[] = [];
  const busy = new Set<string | undefined>();
  let lost = 0;
  for (const id of ids) {
    const attempts = await client.attempts(id);
    for (const { worker_id: worker } of attempts) busy.add(worker?.split('-')[0]);
    const completions = attempts.filter(({ outcome }) => outcome === 'completed');
    lost += attempts.filter(({ outcome }) => outcome === 'lost').length;
    if (completions.length !== 1) wrong.push(id);
    for (const { worker_id: worker } of completions) byKind[worker?.split('-')[0] as Kind] += 1;
  }
  const { completed } = await client.status();
  return { completed, wrong, lost, idle: KINDS.filter((kind) => !busy.has(kind)), byKind };
}
