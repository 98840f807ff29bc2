import { Logger } from '@nestjs/common';
import { loadConfig } from '../../src/config/config.js';
import { openTaskStore } from '../../src/storage/storage.module.js';
import type { TaskStore } from '../../src/storage/task-store.js';
import { checkHistory, type Violation } from '../support/history.check.js';
import { HistoryRecorder } from '../support/history.js';
import type { RedisServer } from '../support/redis-server.js';
import { settingsAt } from '../support/store-surroundings.js';
import { SeededRandom } from '../support/store-random.js';
import { Clients, type Entrance, get, GRACE_SECONDS, post } from './clients.js';
import type { Connection } from './connection.js';
import type { Plan, Step } from './plan.js';
import type { Happening, Ms, Timeline } from './scheduler.js';
import { SimulatedProcess } from './wiring.js';

/** What came of a plan in real time. */
export interface RealOutcome {
  readonly violations: readonly Violation[];
}

/** A call and its answer may each be held up for so long. */
const MOST_DELAY_MS = 25;
/** Plans have gaps of seconds between their bursts; here nothing happens in them. */
const MOST_GAP_MS = 400;
const DRAIN_LIMIT_MS = 20_000;
/** Machines stand still for a second or two. */
const SKEW_MS = 3_000;

/** Real time, with the delays of a seed. */
class RealTime implements Timeline {
  private readonly start = performance.now();
  private readonly streams = new Map<string, SeededRandom>();

  constructor(private readonly seed: number) {}

  get now(): Ms {
    return performance.now() - this.start;
  }

  after(ms: Ms, label: string, act: () => void): Happening {
    setTimeout(act, ms);
    return { at: this.now + ms, rank: 0, label, act };
  }

  random(label: string): SeededRandom {
    const known = this.streams.get(label) ?? new SeededRandom(this.seed + label.length);
    this.streams.set(label, known);
    return known;
  }
}

/** One of the processes at a Redis; its calls are held up on the way. */
class RealReplica implements Entrance {
  isOpen = false;
  private store: TaskStore | undefined;
  private process: SimulatedProcess | undefined;
  private door: SimulatedProcess['door'] | undefined;
  private readonly requests = new Set<Promise<void>>();

  constructor(
    private readonly redis: RedisServer,
    private readonly prefix: string,
    private readonly time: RealTime,
  ) {}

  async start(): Promise<void> {
    const config = loadConfig({
      ...settingsAt(this.redis),
      REDIS_KEY_PREFIX: this.prefix,
      LEASE_GRACE_SECONDS: String(GRACE_SECONDS),
    });
    this.store = await openTaskStore(config);
    this.process = new SimulatedProcess(config, delayed(this.store, this.time));
    await this.process.start();
    this.door = this.process.door;
    this.isOpen = true;
  }

  async stop(): Promise<void> {
    this.isOpen = false;
    await this.process?.stop(() => Promise.all(this.requests));
    await this.store?.close();
  }

  async handle(connection: Connection): Promise<void> {
    const request = this.door?.handle(connection) ?? Promise.resolve();
    this.requests.add(request);
    await request.finally(() => this.requests.delete(request));
  }
}

/** A store whose calls take longer. */
function delayed<T extends object>(target: T, time: RealTime): T {
  const random = time.random('delay');
  const wait = () => new Promise((resolve) => setTimeout(resolve, random.below(MOST_DELAY_MS)));
  return new Proxy(target, {
    get: (object, name) => {
      const value: unknown = Reflect.get(object, name, object);
      if (PARTS.has(String(name)) && typeof value === 'object' && value !== null) return delayed(value, time);
      if (typeof value !== 'function') return value;
      const method = value.bind(object) as (...args: unknown[]) => unknown;
      if (!DELAYED.has(String(name))) return method;
      return async (...args: unknown[]) => {
        await wait();
        const result = await method(...args);
        await wait();
        return result;
      };
    },
  });
}

const PARTS: ReadonlySet<string> = new Set(['settings', 'views', 'documents']);

const DELAYED: ReadonlySet<string> = new Set([
  ...['insert', 'find', 'claim', 'replace', 'remove', 'clear', 'position', 'list', 'change', 'of'],
  ...['untilAllowed', 'countBatch', 'due', 'untilDue', 'all', 'depth', 'get', 'put'],
]);

/** Carries out a plan on two processes at a real Redis, in real time, and judges what the clients saw. */
export async function simulateOnRedis(plan: Plan, redis: RedisServer): Promise<RealOutcome> {
  const time = new RealTime(plan.seed);
  const history = new HistoryRecorder(() => time.now);
  const violations: Violation[] = [];
  const clients = new Clients({
    scheduler: time,
    history,
    report: (rule, detail) => violations.push({ rule, detail }),
    isDeaf: false,
    watchRoom: () => () => undefined,
  });
  Logger.overrideLogger(false);
  const replicas = [0, 1].map(() => new RealReplica(redis, `simulation-${plan.seed}`, time));
  await Promise.all(replicas.map((replica) => replica.start()));
  try {
    await play(plan, clients, replicas);
    await drain(clients, replicas[0]);
    await readAll(clients, history, replicas[0]);
  } finally {
    await Promise.all(replicas.map((replica) => replica.stop()));
  }
  for (const { step } of clients.pending)
    violations.push({ rule: 'answers', detail: `"${step.do}" was never answered` });
  const isTold = (id: string) =>
    clients.wishes.has(id) && !clients.untold.has(id) && !clients.batched.has(id);
  const operations = history.operations.flatMap((operation) => {
    if (operation.f === 'lease')
      return { ...operation, grants: operation.grants.filter(({ id }) => isTold(id)) };
    if (operation.f === 'clear') return { ...operation, removed: undefined };
    return isTold(operation.id) ? operation : [];
  });
  const verdict = checkHistory(
    { operations, faults: [] },
    { hasFaults: false, skewMs: SKEW_MS, groupLimit: Infinity },
  );
  return { violations: [...violations, ...verdict.violations] };
}

/** Polls wait shortly here: nobody moves the clock. */
function hastened(step: Step): Step {
  return 'wait' in step ? { ...step, wait: Math.min(step.wait, 1) } : step;
}

async function play({ steps }: Plan, clients: Clients, replicas: readonly Entrance[]): Promise<void> {
  let before: Ms = 0;
  const underWay: Promise<void>[] = [];
  for (const step of steps) {
    const gap = Math.min(step.at - before, MOST_GAP_MS);
    before = step.at;
    if (gap > 0) await new Promise((resolve) => setTimeout(resolve, gap));
    const replica = replicas[step.replica % replicas.length];
    if (replica !== undefined) underWay.push(clients.act(hastened(step), replica));
  }
  await Promise.all(underWay);
}

/** Has everything done that is left, whatever holds it back. */
async function drain(clients: Clients, entrance: Entrance | undefined): Promise<void> {
  if (entrance === undefined) return;
  const step: Step = { do: 'look', at: 0, replica: 0 };
  const nothing = { paused: null, max_depth: null, max_concurrency: null, rate_limit: null };
  for (const queue of ['a', 'b', 'default']) {
    const change = { ...nothing, max_concurrency_per_group: null };
    await clients.ask(step, entrance, { method: 'PATCH', path: `/queues/${queue}`, body: change });
  }
  const labels = { cpu: '4', 'cpu-arch': 'arm', gpu: 'a100', os: 'linux' };
  const claim = { worker_id: 'drain', queues: ['default', 'a', 'b'], max_tasks: 50, labels, wait: 1 };
  const until = performance.now() + DRAIN_LIMIT_MS;
  while (performance.now() < until) {
    const t0 = clients.instant();
    const answer = await clients.ask(step, entrance, post('/tasks/claim', claim), { waitSeconds: 1 });
    const tasks = (answer?.body.tasks ?? []) as Readonly<Record<string, unknown>>[];
    clients.noteDrained(tasks, t0, answer);
    const results = tasks.map(({ eval_id, lease_id }) => ({ eval_id, lease_id, status: 'completed' }));
    const ended = clients.instant();
    if (results.length > 0)
      clients.noteFinished(
        tasks,
        ended,
        await clients.ask(step, entrance, post('/tasks/complete', { results })),
      );
    const status = await clients.ask(step, entrance, get('/status'));
    const { queued, delayed: waiting, processing } = status?.body ?? {};
    if (Number(queued) + Number(waiting) + Number(processing) === 0) return;
  }
}

async function readAll(
  clients: Clients,
  history: HistoryRecorder,
  entrance: Entrance | undefined,
): Promise<void> {
  if (entrance === undefined) return;
  for (const id of clients.wishes.keys()) {
    const t0 = history.now();
    const answer = await clients.ask({ do: 'look', at: 0, replica: 0 }, entrance, get(`/tasks/${id}`));
    const state = answer?.status === 404 ? 'absent' : (answer?.body.status as 'queued');
    history.add(t0, { f: 'get', id, res: 'ok', state, isFinal: true });
  }
}
