import {
  type EnqueueOp,
  type Grant,
  type History,
  type Ms,
  type Operation,
  type Untimed,
} from '../../support/history.js';
import { SeededRandom } from '../../support/store-random.js';
import { type Bug, LEASE_MS, RETRY_MS, SimulatedQueue } from './simulated.queue.js';

const CLIENTS = 8;
const RUN_MS = 10_000;
/** The longest that a network of the simulation needs one way. */
const LATENCY_MS = 8;
/** One request in so many is lost on the way, one answer in so many on the way back. */
const LOST_ONE_IN = 60;
const DRAIN_MS = 3 * LEASE_MS;
const EMPTY_POLLS = 3;
const POLL_MS = 40;

type Reply = Untimed & { readonly res: 'ok' | 'fail' };

/** A request: what it does when it arrives, and what is known of it when its answer is lost. */
interface Request {
  readonly apply: (now: Ms) => Reply;
  readonly lost: Untimed;
  /** The worker or producer reads the answer. */
  readonly then?: (reply: Reply) => void;
}

interface Client {
  /** What it does next; the first is next. */
  readonly plan: Request[];
  isDone: boolean;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly bug?: Bug;
  /** Somebody clears the queue half-way. */
  readonly hasClear?: boolean;
  /** Tasks are of a few groups, which are limited. */
  readonly hasGroups?: boolean;
}

/** A history of clients at a simulated queue: time, latency, lost requests and lost answers are made up from a seed. */
export class Simulation {
  private readonly random: SeededRandom;
  private readonly queue: SimulatedQueue;
  private readonly operations: Operation[] = [];
  private readonly specs: EnqueueOp[] = [];
  private clock = 0;
  private isCalm = false;
  private isCleared = false;

  constructor(private readonly options: SimulationOptions) {
    this.random = new SeededRandom(options.seed);
    this.queue = new SimulatedQueue(this.random, options.bug);
  }

  run(): History {
    this.phase(RUN_MS, (client) => this.choose(client));
    this.isCalm = true;
    this.clock += DRAIN_MS;
    this.phase(20 * DRAIN_MS, (client) => this.drain(client));
    for (const { id } of this.specs) {
      const [t0, now] = [this.clock, this.clock + 1];
      this.operations.push({
        f: 'get',
        id,
        res: 'ok',
        state: this.queue.get(id, now),
        isFinal: true,
        t0,
        t1: now,
      });
      this.clock += 2;
    }
    return { operations: this.operations, faults: [{ kind: 'network', t0: 0, t1: this.clock }] };
  }

  /** Lets clients work side by side. Each request takes effect at one moment between sending and answer. */
  private phase(length: Ms, plan: (client: Client) => void): void {
    const end = this.clock + length;
    const clients = Array.from({ length: CLIENTS }, (): Client => ({ plan: [], isDone: false }));
    let flights = clients.map((client) => this.takeOff(client, this.clock, plan));
    while (flights.length > 0) {
      flights.sort((a, b) => a.arrival - b.arrival);
      const [flight, ...others] = flights;
      if (flight === undefined) return;
      this.clock = flight.arrival;
      const t1 = this.land(flight);
      const goesOn = t1 < end && !flight.client.isDone;
      flights = goesOn ? [...others, this.takeOff(flight.client, t1 + this.upTo(POLL_MS), plan)] : others;
    }
  }

  private takeOff(client: Client, t0: Ms, plan: (client: Client) => void) {
    if (client.plan.length === 0) plan(client);
    const request = client.plan.shift() ?? this.poll(client, 1);
    return { client, request, t0, arrival: t0 + 1 + this.upTo(LATENCY_MS) };
  }

  private land({ request, t0, arrival }: { request: Request; t0: Ms; arrival: Ms }): Ms {
    const t1 = arrival + 1 + this.upTo(LATENCY_MS);
    const fate = this.isCalm ? LOST_ONE_IN : this.random.below(LOST_ONE_IN);
    const reply = fate === 0 ? undefined : request.apply(arrival);
    const isAnswered = reply !== undefined && fate !== 1;
    this.operations.push({ ...(isAnswered ? reply : request.lost), t0, t1 });
    if (isAnswered) request.then?.(reply);
    return t1;
  }

  private choose(client: Client): void {
    const dice = this.random.below(100);
    const old = this.random.pick(this.specs);
    if (this.options.hasClear && this.clock > RUN_MS / 2 && !this.isCleared) client.plan.push(this.clear());
    else if (dice < 30 || old === undefined) client.plan.push(this.enqueue(this.newSpec()));
    else if (dice < 36) client.plan.push(this.enqueue(old));
    else if (dice < 45) client.plan.push(this.get(old.id));
    else client.plan.push(this.poll(client, 1 + this.random.below(3)));
  }

  private drain(client: Client): void {
    const poll = this.poll(client, 3);
    let empties = 0;
    const then = (reply: Reply) => {
      if (reply.f !== 'lease') return;
      empties = reply.grants.length === 0 ? empties + 1 : 0;
      client.isDone = empties === EMPTY_POLLS;
      for (const grant of reply.grants) client.plan.push(this.end('complete', grant));
      client.plan.push({ ...poll, then });
    };
    client.plan.push({ ...poll, then });
  }

  private poll(client: Client, max: number): Request {
    const base = { f: 'lease', queues: ['default'], max } as const;
    return {
      lost: { ...base, res: 'info', grants: [] },
      apply: (now) => ({ ...base, res: 'ok', grants: this.queue.lease(max, now) }),
      then: (reply) => {
        if (reply.f === 'lease') for (const grant of reply.grants) this.work(client, grant);
      },
    };
  }

  /** What a worker does with a task: most finish it, some fail it, some take too long, some disappear. */
  private work(client: Client, grant: Grant): void {
    const dice = this.random.below(20);
    if (dice < 10) client.plan.push(this.end('complete', grant));
    else if (dice < 12) client.plan.push(this.heartbeat(grant), this.end('complete', grant));
    else if (dice < 16) client.plan.push(this.end('fail', grant));
    else if (dice < 18) client.plan.push(...this.pause(), this.heartbeat(grant), this.end('complete', grant));
    else if (dice < 19) client.plan.push(this.end('complete', grant), this.end('complete', grant));
  }

  /** Reads that fill the time until a lease is over. */
  private pause(): Request[] {
    const { id } = this.specs[0] ?? { id: 'none' };
    return Array.from({ length: Math.ceil((2 * LEASE_MS) / 50) }, () => this.get(id));
  }

  private enqueue(spec: EnqueueOp): Request {
    return {
      lost: { ...spec, res: 'info' },
      apply: (now) => {
        const answer = this.queue.enqueue(spec, now);
        if (answer === 'conflict') return { ...spec, res: 'fail' };
        return { ...spec, res: 'ok', isCreated: answer === 'created' };
      },
    };
  }

  private heartbeat({ id, token }: Grant): Request {
    const base = { f: 'heartbeat', id, token, leaseMs: LEASE_MS } as const;
    return {
      lost: { ...base, res: 'info' },
      apply: (now) => ({ ...base, res: this.queue.heartbeat(id, token, now) ? 'ok' : 'fail' }),
    };
  }

  private end(f: 'complete' | 'fail', grant: Grant): Request {
    const base = { f, id: grant.id, token: grant.token };
    return {
      lost: { ...base, res: 'info' },
      apply: (now) => {
        const state = this.queue.end(f, grant, now);
        if (state === undefined) return { ...base, res: 'fail' };
        return { ...base, res: 'ok', state, waitMs: f === 'fail' ? RETRY_MS : undefined };
      },
    };
  }

  private get(id: string): Request {
    const base = { f: 'get', id } as const;
    return {
      lost: { ...base, res: 'info' },
      apply: (now) => ({ ...base, res: 'ok', state: this.queue.get(id, now) }),
    };
  }

  private clear(): Request {
    return {
      lost: { f: 'clear', res: 'info' },
      apply: () => {
        this.isCleared = true;
        return { f: 'clear', res: 'ok', removed: this.queue.clear() };
      },
    };
  }

  private newSpec(): EnqueueOp {
    const id = `task-${this.specs.length}`;
    const dice = this.random.below(10);
    const times = { delayMs: dice === 0 ? 300 : 0, ttlMs: dice === 1 ? 500 : undefined };
    const budgets = { maxAttempts: 1 + this.random.below(2), maxInterruptions: this.random.below(2) };
    const group = this.options.hasGroups ? `g${this.specs.length % 5}` : undefined;
    const rest = { priority: this.random.below(3), hash: `hash of ${id}`, queue: 'default', group };
    const spec: EnqueueOp = { f: 'enqueue', id, ...rest, ...times, ...budgets, t0: 0, t1: 0, res: 'ok' };
    this.specs.push(spec);
    return spec;
  }

  private upTo(ms: number): Ms {
    return this.random.next() * ms;
  }
}
