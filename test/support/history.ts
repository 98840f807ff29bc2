/**
 * What clients saw of the queue: every operation, when it was sent and answered, and what came back. Written by the
 * harness alone, never by the service, so that the service cannot flatter itself. `history.check.ts` judges it.
 */
import type { TaskState } from '../../src/task/task-state.js';

/** Milliseconds on the one monotonic clock of the harness. */
export type Ms = number;

/**
 * `ok`: a 2xx whose body was read in full. `fail`: certainly without effect. `info`: unknown; it may have taken effect,
 * or may yet.
 */
export type Result = 'ok' | 'fail' | 'info';

interface Timed {
  /** When it was sent. */
  readonly t0: Ms;
  /** When it was answered, or given up. */
  readonly t1: Ms;
  readonly res: Result;
  /** The status of the answer. */
  readonly http?: number;
}

export interface EnqueueOp extends Timed {
  readonly f: 'enqueue';
  readonly id: string;
  readonly queue: string;
  /** When limits are set for groups. */
  readonly group?: string;
  /** Of the payload, to the byte. */
  readonly hash: string;
  readonly priority: number;
  readonly delayMs: Ms;
  readonly ttlMs?: Ms;
  readonly maxAttempts: number;
  readonly maxInterruptions: number;
  /** When ok: it was new (201), not a repetition (200). */
  readonly isCreated?: boolean;
}

/** A task that a lease operation returned. */
export interface Grant {
  readonly id: string;
  readonly token: string;
  readonly attempt: number;
  readonly leaseMs: Ms;
  readonly hash: string;
}

export interface LeaseOp extends Timed {
  readonly f: 'lease';
  readonly queues: readonly string[];
  /** Tasks it may return at most. */
  readonly max: number;
  /** Sent again with this, it returns what it holds already. */
  readonly claimId?: string;
  /** When ok: what it returned; an empty poll returned nothing. */
  readonly grants: readonly Grant[];
}

export interface HeartbeatOp extends Timed {
  readonly f: 'heartbeat';
  readonly id: string;
  readonly token: string;
  /** It holds the task at least this long from when the server took it. */
  readonly leaseMs: Ms;
}

/** What ends an attempt. A worker that knows no leases sends no token. */
export interface EndOp extends Timed {
  readonly f: 'complete' | 'fail' | 'release';
  readonly id: string;
  readonly token?: string;
  /** When ok: the state that the answer named. */
  readonly state?: TaskState;
  /** The least that the task must wait when it is tried again. */
  readonly waitMs?: Ms;
}

export interface CancelOp extends Timed {
  readonly f: 'cancel';
  readonly id: string;
}

export interface GetOp extends Timed {
  readonly f: 'get';
  readonly id: string;
  /** When ok: `absent` stands for 404. */
  readonly state?: TaskState | 'absent';
  /** Read in the final phase, after faults were healed and the queue was drained. */
  readonly isFinal?: boolean;
}

/** Forgets all tasks. */
export interface ClearOp extends Timed {
  readonly f: 'clear';
  readonly removed?: number;
}

export type Operation = EnqueueOp | LeaseOp | HeartbeatOp | EndOp | CancelOp | GetOp | ClearOp;

/** A time in which the harness broke something, until it was whole again. */
export interface Fault {
  readonly kind: string;
  readonly t0: Ms;
  readonly t1: Ms;
  /** Whatever was written from then until `t1` may be undone, also what was acknowledged; nothing older may. */
  readonly losesFrom?: Ms;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
}

/** An operation before it was timed. */
export type Untimed<T extends Operation = Operation> = T extends Operation ? Omit<T, 't0' | 't1'> : never;

/** Collects a history; operations may be added in any order. */
export class HistoryRecorder implements History {
  readonly operations: Operation[] = [];
  readonly faults: Fault[] = [];

  constructor(readonly now: () => Ms = () => performance.now()) {}

  /** Adds what was sent at `t0` and has just been answered. */
  add(t0: Ms, ...operations: readonly Untimed[]): void {
    const t1 = this.now();
    for (const operation of operations) this.operations.push({ ...operation, t0, t1 });
  }

  /** Adds a fault that began at `t0` and has just been healed. */
  healed(kind: string, t0: Ms, losesFrom?: Ms): void {
    this.faults.push({ kind, t0, t1: this.now(), losesFrom });
  }
}

const WITHOUT_EFFECT: ReadonlySet<number> = new Set([
  400, 401, 403, 404, 405, 409, 413, 415, 422, 428, 429, 431,
]);

/**
 * What an answer says of the effect.
 *
 * @param status `undefined` when no answer was read in full
 * @param applied the member of the problem document, if it has one
 */
export function resultOf(status: number | undefined, applied?: unknown): Result {
  if (status === undefined) return 'info';
  if (status >= 200 && status < 300) return 'ok';
  if (WITHOUT_EFFECT.has(status)) return 'fail';
  return status === 503 && applied === false ? 'fail' : 'info';
}
