import type { TaskState } from '../../../src/task/task-state.js';
import type { EnqueueOp, Grant, Ms } from '../../support/history.js';
import type { SeededRandom } from '../../support/store-random.js';

/** The faults that the checker must find. Each is a rule of the queue that this queue then breaks now and then. */
export const BUGS = [
  'lost task',
  'phantom',
  'payload changed',
  'two holders',
  'token reused',
  'attempt reused',
  'stale completion accepted',
  'late heartbeat accepted',
  'completion undone',
  'false empty',
  'order broken',
  'priority ignored',
  'redelivered too often',
  'early delivery',
  'retry without its wait',
  'time to live ignored',
  'duplicate enqueue',
  'clear leaves zombies',
  'clear miscounts',
  'never redelivered',
  'one above the limit',
  'slot freed twice',
] as const;

export type Bug = (typeof BUGS)[number];

export const LEASE_MS = 2_000;
export const RETRY_MS = 400;
/** How many tasks of a group may be held at an instant, where specs name groups. */
export const GROUP_LIMIT = 2;

interface Record {
  readonly spec: EnqueueOp;
  readonly age: number;
  state: TaskState;
  readyAt: Ms;
  expiresAt: Ms;
  attempt: number;
  failures: number;
  interruptions: number;
  token: string;
  leaseEnd: Ms;
  /** The report that ended the last attempt. */
  lastEnd: string;
}

/** A correct queue in a few lines, written apart from the service, on a time that its caller gives. */
export class SimulatedQueue {
  private readonly records = new Map<string, Record>();
  /** Slots that a group has above its limit, by a bug. */
  private readonly spareSlots = new Map<string, number>();
  private tokens = 0;
  private ages = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly bug?: Bug,
  ) {}

  enqueue(spec: EnqueueOp, now: Ms): 'created' | 'repeated' | 'conflict' {
    const known = this.records.get(spec.id);
    if (known !== undefined && !this.fails('duplicate enqueue')) {
      return known.spec.hash === spec.hash ? 'repeated' : 'conflict';
    }
    if (this.fails('lost task', 20)) return 'created';
    const readyAt = now + spec.delayMs;
    const expiresAt = now + (spec.ttlMs ?? Infinity);
    const counters = { attempt: 0, failures: 0, interruptions: 0 };
    this.ages += 1;
    const lease = { token: '', leaseEnd: 0, lastEnd: '' };
    const state = spec.delayMs > 0 ? 'delayed' : 'queued';
    this.records.set(spec.id, { spec, age: this.ages, state, readyAt, expiresAt, ...counters, ...lease });
    return 'created';
  }

  lease(max: number, now: Ms): Grant[] {
    this.tick(now);
    const ready = [...this.records.values()].filter((record) => this.isReady(record)).sort(this.order());
    if (ready.length > 0 && this.fails('false empty', 10)) return [];
    const grants: Grant[] = [];
    const held = this.heldByGroup();
    for (const record of ready) {
      if (grants.length === max) break;
      const { group = '' } = record.spec;
      const count = held.get(group) ?? 0;
      if (group !== '' && count >= this.slotsOf(group)) continue;
      held.set(group, count + 1);
      grants.push(this.grant(record, now));
    }
    return grants;
  }

  heartbeat(id: string, token: string, now: Ms): boolean {
    this.tick(now);
    const record = this.records.get(id);
    const isHolder = record?.state === 'processing' && record.token === token;
    if (!isHolder && record !== undefined && this.bug === 'late heartbeat accepted') return true;
    if (isHolder) record.leaseEnd = now + LEASE_MS;
    return isHolder;
  }

  /** The state after the report; `undefined` when it is refused. */
  end(f: 'complete' | 'fail', { id, token }: Pick<Grant, 'id' | 'token'>, now: Ms): TaskState | undefined {
    this.tick(now);
    const record = this.records.get(id);
    if (record === undefined) return undefined;
    if (record.state !== 'processing' && record.lastEnd === `${f} ${token}`) {
      const { group = '' } = record.spec;
      if (this.bug === 'slot freed twice') this.spareSlots.set(group, (this.spareSlots.get(group) ?? 0) + 1);
      return record.state;
    }
    const isStale = record.state !== 'processing' || record.token !== token;
    if (isStale && !(this.bug === 'stale completion accepted' && record.state === 'processing'))
      return undefined;
    record.lastEnd = `${f} ${token}`;
    if (f === 'complete') record.state = 'completed';
    else this.retry(record, now);
    return record.state;
  }

  get(id: string, now: Ms): TaskState | 'absent' {
    this.tick(now);
    const record = this.records.get(id);
    if (record?.state === 'completed' && this.fails('completion undone', 20)) record.state = 'queued';
    return record?.state ?? 'absent';
  }

  clear(): number {
    const count = this.records.size;
    for (const id of this.records.keys()) {
      if (!this.fails('clear leaves zombies', 5)) this.records.delete(id);
    }
    return this.bug === 'clear miscounts' ? count + 1_000 : count;
  }

  private grant(record: Record, now: Ms): Grant {
    const isReused = record.token !== '' && this.fails('token reused', 1);
    this.tokens += 1;
    record.token = isReused ? record.token : `token-${this.tokens}`;
    if (record.attempt === 0 || !this.fails('attempt reused', 1)) record.attempt += 1;
    record.state = 'processing';
    record.leaseEnd = now + LEASE_MS;
    const { token, attempt } = record;
    const id = this.fails('phantom', 30) ? `phantom-${this.tokens}` : record.spec.id;
    const hash = this.fails('payload changed', 20) ? 'other' : record.spec.hash;
    return { id, token, attempt, leaseMs: LEASE_MS, hash };
  }

  private heldByGroup(): Map<string, number> {
    const held = new Map<string, number>();
    for (const { state, spec } of this.records.values()) {
      const { group = '' } = spec;
      if (state === 'processing') held.set(group, (held.get(group) ?? 0) + 1);
    }
    return held;
  }

  private slotsOf(group: string): number {
    const spare = this.spareSlots.get(group) ?? 0;
    return GROUP_LIMIT + spare + (this.fails('one above the limit', 4) ? 1 : 0);
  }

  private isReady(record: Record): boolean {
    if (record.state === 'queued') return true;
    if (record.state === 'delayed') return this.fails('early delivery', 3);
    return record.state === 'processing' && this.fails('two holders', 5);
  }

  private order(): (a: Record, b: Record) => number {
    const isUpsideDown = this.fails('order broken', 1);
    const isFlat = this.bug === 'priority ignored';
    return (a, b) => {
      if (isUpsideDown) return b.age - a.age;
      return (isFlat ? 0 : b.spec.priority - a.spec.priority) || a.age - b.age;
    };
  }

  private retry(record: Record, now: Ms): void {
    record.failures += 1;
    const isOver = record.failures >= record.spec.maxAttempts && this.bug !== 'redelivered too often';
    record.state = isOver ? 'failed' : 'delayed';
    record.readyAt = this.fails('retry without its wait', 2) ? now : now + RETRY_MS;
  }

  /** Lets time pass for every task. */
  private tick(now: Ms): void {
    for (const record of this.records.values()) {
      if (record.state === 'processing' && record.leaseEnd <= now) this.lose(record, now);
      if (record.state === 'delayed' && record.readyAt <= now) record.state = 'queued';
      const mayExpire = record.state === 'queued' || record.state === 'delayed';
      if (mayExpire && record.expiresAt <= now && this.bug !== 'time to live ignored')
        record.state = 'expired';
    }
  }

  private lose(record: Record, now: Ms): void {
    if (this.bug === 'never redelivered') return;
    record.interruptions += 1;
    const isOver =
      record.interruptions > record.spec.maxInterruptions && this.bug !== 'redelivered too often';
    record.state = isOver ? 'failed' : 'queued';
    record.readyAt = now;
    record.lastEnd = '';
  }

  /** Whether the planted bug shows this time, once in `oneIn`. */
  private fails(bug: Bug, oneIn = 2): boolean {
    return this.bug === bug && this.random.below(oneIn) === 0;
  }
}
