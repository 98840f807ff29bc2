import { crc32 } from 'node:zlib';
import type { Instant } from '../../task/clock.js';
import { type Backoff, DEFAULT_BACKOFF } from '../../task/retry-policy.js';
import { dueAt } from '../../task/task.machine.js';
import { labelsOf, type Signature, signatureOf } from '../../task/requirements.js';
import { priorityOf, type Task, type TaskSpec } from '../../task/task.js';
import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import { holderOf } from '../claim-key.js';
import { NameCache } from './name-cache.js';
import { DamagedValue } from './sealed-value.js';

/** Raised with every layout change. The store reads older versions and rejects newer ones. */
export const RECORD_VERSION = 3;

/** The fixed head of a record: the facts that the in-memory indices need. */
export interface TaskHead {
  readonly state: TaskState;
  readonly queue: string;
  readonly priority: number;
  /** Empty for none. */
  readonly group: string;
  /** The required labels. */
  readonly signature: Signature;
  readonly revision: number;
  /** Number of clears before the record was written. */
  readonly generation: number;
  /** Bytes of payload, output and finished attempts. */
  readonly payloadBytes: number;
  /** The same, plus the record's own size. */
  readonly bytes: number;
  /** The next time-driven change; for an ended task, when it ended. */
  readonly deadline: Instant | undefined;
  /** The claim call that holds it. */
  readonly claimKey: string | undefined;
}

/** A complete record. */
export interface StoredTask {
  readonly head: TaskHead;
  readonly task: Task;
}

/** The bytes of a record differ from what the store wrote. */
export class CorruptRecord extends DamagedValue {
  override readonly name = 'CorruptRecord';
}

/** A newer build wrote this record. */
export class NewerRecord extends Error {
  override readonly name = 'NewerRecord';
}

/*
 * Layout, little endian:
 *    0 u32 CRC-32 of everything after it
 *    4 u8  version   5 u8 state   6 i16 priority
 *    8 f64 deadline, NaN for none
 *   16 u32 revision  20 u32 bytes of payload and output
 *   24 u16 length of the queue's name  26 u16 length of the claim key, both in bytes
 *   28 u16 length of the group         30 u16 length of the requirements, both since version 2
 *   32 u32 generation, since version 3
 *   the names follow in UTF-8, in this order, then the rest of the task as JSON
 */
const CHECKED_FROM = 4;
/** Where the names begin, by version. */
const NAMES_FROM = [0, 28, 32, 36] as const;
const LENGTHS_FROM = 24;
const GENERATION_AT = 32;

const NAMES = new NameCache();

/** Codes of the states on disk. A code is never changed or reused. */
const STATE_CODES = {
  delayed: 0,
  queued: 1,
  processing: 2,
  completed: 3,
  failed: 4,
  cancelled: 5,
  expired: 6,
} as const satisfies Readonly<Record<TaskState, number>>;
const STATE_BY_CODE = new Map<number | undefined, TaskState>(
  TASK_STATES.map((state) => [STATE_CODES[state], state]),
);

/** A record, and the head that `decodeHead` would return for it. */
export interface EncodedTask {
  readonly record: Buffer;
  readonly head: TaskHead;
}

/** @param payloadBytes bytes of payload, output and finished attempts */
export function encodeTask(task: Task, payloadBytes: number, generation: number): EncodedTask {
  const { queue, group = '', requires } = task.spec;
  const { state, revision } = task;
  const priority = priorityOf(task);
  const signature = signatureOf(requires);
  const claimKey = holderOf(task);
  const deadline = headDeadline(task);
  const names = [queue, claimKey ?? '', group, signature];
  const body = JSON.stringify(packTask(task));
  const length = names.reduce((sum, name) => sum + Buffer.byteLength(name), Buffer.byteLength(body));
  const record = Buffer.allocUnsafe(NAMES_FROM[RECORD_VERSION] + length);
  record[4] = RECORD_VERSION;
  record[5] = STATE_CODES[state];
  record.writeInt16LE(priority, 6);
  record.writeDoubleLE(deadline ?? NaN, 8);
  record.writeUInt32LE(revision, 16);
  record.writeUInt32LE(payloadBytes, 20);
  record.writeUInt32LE(generation, GENERATION_AT);
  let end: number = NAMES_FROM[RECORD_VERSION];
  for (const [index, name] of names.entries()) {
    const written = record.write(name, end);
    record.writeUInt16LE(written, LENGTHS_FROM + index * 2);
    end += written;
  }
  record.write(body, end);
  record.writeUInt32LE(crc32(record.subarray(CHECKED_FROM)), 0);
  const bytes = payloadBytes + record.length;
  const head = {
    state,
    queue,
    priority,
    group,
    signature,
    revision,
    generation,
    payloadBytes,
    bytes,
    deadline,
    claimKey,
  };
  return { record, head };
}

/** A record among other bytes. */
export interface RecordPlace {
  readonly bytes: Buffer;
  readonly from: number;
  readonly end: number;
}

/** @throws CorruptRecord when the bytes are damaged, NewerRecord when a newer build wrote them */
export function decodeHead(record: Buffer): TaskHead {
  return decodeHeadAt({ bytes: record, from: 0, end: record.length });
}

/** @throws CorruptRecord as `decodeHead` */
export function decodeHeadAt(place: RecordPlace): TaskHead {
  return read(place).head;
}

/** @throws CorruptRecord as `decodeHead` */
export function decodeTask(record: Buffer): StoredTask {
  const { head, bodyFrom } = read({ bytes: record, from: 0, end: record.length });
  const packed = JSON.parse(record.toString('utf8', bodyFrom)) as PackedTask;
  return { head, task: unpackTask(packed, head) };
}

/** The head, and the offset of the task's remaining fields in the buffer. */
function read({ bytes, from, end }: RecordPlace): { readonly head: TaskHead; readonly bodyFrom: number } {
  const namesFrom = check({ bytes, from, end });
  const queueFrom = from + namesFrom;
  const queueEnd = queueFrom + bytes.readUInt16LE(from + 24);
  const claimEnd = queueEnd + bytes.readUInt16LE(from + 26);
  const hasLane = namesFrom > NAMES_FROM[1];
  const groupEnd = claimEnd + (hasLane ? bytes.readUInt16LE(from + 28) : 0);
  const bodyFrom = groupEnd + (hasLane ? bytes.readUInt16LE(from + 30) : 0);
  const deadline = bytes.readDoubleLE(from + 8);
  const payloadBytes = bytes.readUInt32LE(from + 20);
  const head = {
    state: stateOf(bytes[from + 5]),
    queue: NAMES.read(bytes, queueFrom, queueEnd),
    priority: bytes.readInt16LE(from + 6),
    group: NAMES.read(bytes, claimEnd, groupEnd),
    signature: NAMES.read(bytes, groupEnd, bodyFrom),
    revision: bytes.readUInt32LE(from + 16),
    generation: namesFrom > NAMES_FROM[2] ? bytes.readUInt32LE(from + GENERATION_AT) : 0,
    payloadBytes,
    bytes: payloadBytes + end - from,
    deadline: Number.isNaN(deadline) ? undefined : deadline,
    claimKey: claimEnd === queueEnd ? undefined : bytes.toString('utf8', queueEnd, claimEnd),
  };
  return { head, bodyFrom };
}

/** Offset of the names in a sound record. */
function check({ bytes, from, end }: RecordPlace): number {
  const isSound =
    end - from >= NAMES_FROM[1] &&
    crc32(bytes.subarray(from + CHECKED_FROM, end)) === bytes.readUInt32LE(from);
  if (!isSound) throw new CorruptRecord('its record does not match its checksum');
  const version = bytes[from + 4] ?? 0;
  const namesFrom = NAMES_FROM[version] ?? 0;
  if (namesFrom > 0) return namesFrom;
  throw new NewerRecord(`A task record has version ${version}; this version reads up to ${RECORD_VERSION}`);
}

function stateOf(code: number | undefined): TaskState {
  const state = STATE_BY_CODE.get(code);
  if (state === undefined) throw new CorruptRecord(`its state has the unknown code ${code}`);
  return state;
}

/** For an ended task, when it ended, because the retention setting may change. */
function headDeadline(task: Task): Instant | undefined {
  return dueAt(task, 0)?.at;
}

// A task is stored as a list. A million of them are read at startup, and field names would be half of each.
type PackedTask = [...PackedSpec, ...PackedCore, Record<string, unknown>];
type PackedSpec = [
  id: string,
  language: string,
  engine: string,
  timeout: number,
  maxAttempts: number,
  maxInterruptions: number,
  backoff: Backoff | 0,
  options: Record<string, unknown> | 0,
];
type PackedCore = [
  createdAt: Instant,
  sequence: number,
  attempt: number,
  failures: number,
  interruptions: number,
];

/** Fields of the spec that have their own place in the record. */
const SPEC_FIELDS: ReadonlySet<string> = new Set<keyof TaskSpec>([
  'id',
  'queue',
  'priority',
  'language',
  'engine',
  'timeout',
  'maxAttempts',
  'maxInterruptions',
  'backoff',
  'group',
  'requires',
]);
const CORE_FIELDS: ReadonlySet<string> = new Set<keyof Task>([
  'spec',
  'createdAt',
  'sequence',
  'attempt',
  'failures',
  'interruptions',
  'state',
  'revision',
]);

/** The head has the present priority. When it differs from the enqueued one, the options have the enqueued one. */
function packTask(task: Task): PackedTask {
  const { spec, createdAt, sequence, attempt, failures, interruptions } = task;
  const options = others(spec, SPEC_FIELDS);
  return [
    spec.id,
    spec.language,
    spec.engine,
    spec.timeout,
    spec.maxAttempts,
    spec.maxInterruptions,
    isDefault(spec.backoff) ? 0 : spec.backoff,
    (task.priority === undefined ? options : { ...options, priority: spec.priority }) ?? 0,
    createdAt,
    sequence,
    attempt,
    failures,
    interruptions,
    others(task, CORE_FIELDS) ?? {},
  ];
}

/** The members that are not in `fields`. A rest pattern does the same at several times the cost. */
function others(value: object, fields: ReadonlySet<string>): Record<string, unknown> | undefined {
  let rest: Record<string, unknown> | undefined;
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (fields.has(name) || member === undefined) continue;
    rest ??= {};
    rest[name] = member;
  }
  return rest;
}

function isDefault(backoff: Backoff): boolean {
  const { type, delay, maxDelay, jitter } = DEFAULT_BACKOFF;
  return (
    backoff.type === type &&
    backoff.delay === delay &&
    backoff.maxDelay === maxDelay &&
    backoff.jitter === jitter
  );
}

function unpackTask(
  packed: PackedTask,
  head: Pick<TaskHead, 'queue' | 'priority' | 'group' | 'signature' | 'state' | 'revision'>,
): Task {
  const [id, language, engine, timeout, maxAttempts, maxInterruptions, backoff, options, ...core] = packed;
  const [createdAt, sequence, attempt, failures, interruptions, rest] = core;
  const spec = {
    id,
    queue: head.queue,
    priority: head.priority,
    language,
    engine,
    timeout,
    maxAttempts,
    maxInterruptions,
    backoff: backoff === 0 ? DEFAULT_BACKOFF : backoff,
    ...(options === 0 ? undefined : options),
    ...(head.group === '' ? undefined : { group: head.group }),
    ...(head.signature === '' ? undefined : { requires: labelsOf(head.signature) }),
  };
  const counters = { createdAt, revision: head.revision, sequence, attempt, failures, interruptions };
  return { spec, ...counters, ...rest, state: head.state } as Task;
}
