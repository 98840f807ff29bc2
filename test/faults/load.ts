import { setTimeout as delay } from 'node:timers/promises';
import { type Grant, HistoryRecorder, type Ms, type Result } from '../support/history.js';
import { SeededRandom } from '../support/store-random.js';
import { type Exchange, Wire } from './http.wire.js';
import type { LoadTask } from './load.task.js';
import { type EndReport, QueueClient } from './queue.client.js';
import { ReplicaRoute } from './replica.route.js';

/** The service must be set to these, so that what a crash leaves behind is taken up soon. */
export const LOAD_ENV = { LEASE_GRACE_SECONDS: '1' } as const;
export const LEASE_MS: Ms = 2_000;
export const RETRY_MS: Ms = 200;

/** A report whose answer got lost is sent again, as a worker would. */
const TRIES = 4;
/** Tasks that wait, beyond which producers pause: workers should always have work, never too much. */
const BACKLOG = 400;
const PAUSE_MS = 10;
/** Rest after a request that was in vain. A tenth of what the service asks for: there is more to see so. */
const TROUBLED_PAUSE_MS = 100;
/** A worker that stops for so long has lost its lease, and reports all the same. */
const OVERSLEPT_MS = LEASE_MS + 500;

/** The ports of the replicas of the service; often there is one. */
export type Ports = readonly [number, ...number[]];

/** A client of a service that is set to `LOAD_ENV`, with a new history. */
export function loadClient(ports: Ports, onExchange?: (exchange: Exchange) => void): QueueClient {
  return new QueueClient({
    wire: new Wire(onExchange),
    route: new ReplicaRoute(ports),
    history: new HistoryRecorder(),
    leaseMs: LEASE_MS,
    retryMs: RETRY_MS,
  });
}

export interface LoadOptions {
  /** The first participant; the others write into its history. */
  readonly client: QueueClient;
  /** When there are several: every other participant keeps to one of them, the rest ask any. */
  readonly ports?: Ports;
  readonly seed: number;
  /** Rest between the requests of each participant. */
  readonly pauseMs?: Ms;
}

/** What a participant does again and again. */
type Act = (client: QueueClient) => Promise<void>;

/** Producers, workers of every kind, and readers, working side by side until they are told to stop. */
export class Load {
  readonly ids: string[] = [];
  private readonly random: SeededRandom;
  private readonly pauseMs: Ms;
  private running: Promise<void>[] = [];
  private isStopped = false;
  private up = Promise.resolve();
  /** Acknowledged and not yet claimed, about. */
  private backlog = 0;
  private claims = 0;

  constructor(private readonly options: LoadOptions) {
    this.random = new SeededRandom(options.seed);
    this.pauseMs = options.pauseMs ?? 0;
  }

  start(): void {
    const acts: Act[] = [
      ...[1, 2, 3].map(() => (client: QueueClient) => this.produceOne(client)),
      (client) => this.produceMany(client),
      ...[1, 2].map(() => (client: QueueClient) => this.workWithoutLeases(client)),
      ...[1, 2].map((number) => (client: QueueClient) => this.workOnOne(client, `single-${number}`)),
      ...[1, 2].map((number) => (client: QueueClient) => this.workOnMany(client, `bulk-${number}`)),
      (client) => this.workOnClaims(client, 'careful'),
      (client) => this.oversleep(client, 'sleeper'),
      ...[1, 2].map(() => (client: QueueClient) => this.read(client)),
    ];
    this.up = this.options.client.turnGuardOff();
    this.running = acts.map((act, index) => this.repeat(act, this.clientOf(index)));
  }

  /** Nobody sends anything new until the promise resolves. */
  holdUntil(up: Promise<void>): void {
    this.up = up;
  }

  /** Resolves when everybody has had the last answer. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.running);
  }

  private clientOf(index: number): QueueClient {
    const { client, ports } = this.options;
    if (ports === undefined) return client;
    const isLoyal = index % 2 === 0;
    const options = { first: Math.floor(index / 2), random: isLoyal ? undefined : this.random };
    return client.along(new ReplicaRoute(ports, options));
  }

  private async repeat(act: Act, client: QueueClient): Promise<void> {
    while (!this.isStopped) {
      await this.up;
      await act(client);
      await delay(client.isTroubled ? TROUBLED_PAUSE_MS : this.pauseMs);
    }
  }

  // ------------------------------------------------------------------------------------------ producers

  private async produceOne(client: QueueClient): Promise<void> {
    if (this.backlog > BACKLOG) {
      await delay(PAUSE_MS);
      return;
    }
    const task = this.newTask();
    const res = await client.enqueue(task);
    if (res === 'ok') this.backlog += 1;
    // Some producers send it again when they were not answered, and a few when they were.
    const isDoubted = res === 'info' ? this.random.below(2) === 0 : this.random.below(20) === 0;
    if (isDoubted && !this.isStopped) {
      await this.up;
      await client.enqueue(task);
    }
  }

  private async produceMany(client: QueueClient): Promise<void> {
    if (this.backlog > BACKLOG) {
      await delay(PAUSE_MS);
      return;
    }
    const tasks = Array.from({ length: 1 + this.random.below(20) }, () => this.newTask());
    if ((await client.enqueueAll(tasks)) === 'ok') this.backlog += tasks.length;
    await delay(PAUSE_MS);
  }

  private newTask(): LoadTask {
    const number = this.ids.length;
    const id = `t-${number}`;
    this.ids.push(id);
    const dice = this.random.below(40);
    return {
      eval_id: id,
      code: `print(${number}) # ${'é∀😀'.repeat(this.random.below(4))}${'x'.repeat(this.random.below(400))}`,
      metadata: { number, user: `u-${this.random.below(9)}` },
      queue: 'default',
      priority: this.random.below(3),
      timeout: 1,
      ...(dice === 0 && { delay: 0.3 }),
      ...(dice === 1 && { ttl: 1 }),
      max_attempts: 1 + this.random.below(3),
      max_interruptions: dice === 2 ? 0 : 20,
      backoff: { type: 'fixed', delay: RETRY_MS / 1000, max_delay: 1, jitter: 0 },
    };
  }

  // ------------------------------------------------------------------------------------------ workers

  /** As the oldest workers: no name, no lease, one task at a time. */
  private async workWithoutLeases(client: QueueClient): Promise<void> {
    const [grant] = this.taken(await client.next());
    if (grant === undefined) {
      await delay(PAUSE_MS);
      return;
    }
    const f = this.random.below(10) === 0 ? 'fail' : 'complete';
    await this.report(client, () => client.end({ f, id: grant.id }));
  }

  private async workOnOne(client: QueueClient, worker: string): Promise<void> {
    const [grant] = this.taken(await client.next(`?worker_id=${worker}&wait=0.2`));
    if (grant === undefined) return;
    if (this.random.below(4) === 0) await client.heartbeat(grant);
    const report = this.reportOf(grant);
    if (report !== undefined) await this.report(client, () => client.end(report));
  }

  private async workOnMany(client: QueueClient, worker: string): Promise<void> {
    const grants = this.taken(await client.claim({ worker, max: 1 + this.random.below(10), wait: 0.1 }));
    if (grants.length === 0) return;
    const reports = grants.flatMap((grant) => this.reportOf(grant) ?? []);
    await this.report(client, () => client.endAll(reports));
  }

  /** Names its claims, and sends one again when it got no answer, and at times when it did. */
  private async workOnClaims(client: QueueClient, worker: string): Promise<void> {
    const claim = { worker, max: 1 + this.random.below(5), claimId: `${worker}-${(this.claims += 1)}` };
    let grants = await client.claim(claim);
    for (let tries = 1; tries < TRIES && client.isTroubled; tries += 1) {
      await delay(TROUBLED_PAUSE_MS);
      grants = await client.claim(claim);
    }
    if (this.random.below(4) === 0) grants = await client.claim(claim);
    this.taken(grants);
    const reports = grants.flatMap((grant) => this.reportOf(grant) ?? []);
    if (reports.length > 0) await this.report(client, () => client.endAll(reports));
    else await delay(PAUSE_MS);
  }

  /** Takes too long, so that somebody else gets the task, and reports late. */
  private async oversleep(client: QueueClient, worker: string): Promise<void> {
    const [grant] = this.taken(await client.claim({ worker, max: 1 }));
    await delay(OVERSLEPT_MS);
    if (grant === undefined) return;
    await this.up;
    if (this.random.below(2) === 0) await client.heartbeat(grant);
    await client.end({ f: 'complete', id: grant.id, token: grant.token });
  }

  /** Most work is done, some fails, some workers disappear with their task. */
  private reportOf({ id, token }: Grant): EndReport | undefined {
    const dice = this.random.below(50);
    if (dice === 0) return undefined;
    return { f: dice < 6 ? 'fail' : 'complete', id, token };
  }

  private async report(client: QueueClient, send: () => Promise<Result>): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      if ((await send()) !== 'info' && !client.isTroubled) return;
      await this.up;
      if (client.isTroubled) await delay(TROUBLED_PAUSE_MS);
    }
  }

  private taken(grants: readonly Grant[]): readonly Grant[] {
    this.backlog = Math.max(0, this.backlog - grants.length);
    return grants;
  }

  // ------------------------------------------------------------------------------------------ readers

  private async read(client: QueueClient): Promise<void> {
    const id = this.random.pick(this.ids.slice(-500));
    if (id === undefined || this.random.below(10) === 0) await client.send('GET', '/status');
    else if (this.random.below(60) === 0) await client.cancel(id);
    else await client.get(id);
    await delay(PAUSE_MS / 2);
  }
}
