import type { Instant, Seconds } from '../../../task/clock.js';
import { dueAt, type Span } from '../../../task/task.machine.js';
import { signatureOf } from '../../../task/requirements.js';
import type { Lease, Task, TaskSpec } from '../../../task/task.js';
import { holderOf } from '../../claim-key.js';

/** The fields of a task's hash that make up the task: `head`, `spec`, `core`, `lease`. */
export type TaskFields = readonly [head: string, spec: string, core: string, lease: string];

/** The fields that a script writes for a task. */
export interface EncodedTask {
  readonly state: string;
  readonly revision: number;
  readonly sequence: number;
  readonly attempt: number;
  readonly created: number;
  readonly started: string;
  readonly startBy: string;
  readonly deadlineAt: string;
  /** The next deadline, or the time at which it ended; empty for none. */
  readonly deadline: string;
  readonly core: string;
  readonly lease: string;
  /** The claim call that holds it, or empty. */
  readonly claim: string;
}

/** The word for an absent value. */
const NONE = '-';

export function encodeTask(task: Task): EncodedTask {
  const lease = task.state === 'processing' ? task.lease : undefined;
  return {
    state: task.state,
    revision: task.revision,
    sequence: task.sequence,
    attempt: task.attempt,
    created: task.createdAt,
    started: orNone(task.startedAt),
    startBy: orNone(task.startBy),
    deadlineAt: orNone(task.deadlineAt),
    deadline: dueAt(task, 0)?.at.toString() ?? '',
    core: JSON.stringify(Object.assign({}, task, KEPT_ELSEWHERE)),
    lease: lease === undefined ? '' : JSON.stringify(lease),
    claim: holderOf(task) ?? '',
  };
}

type HeadWords = Pick<
  EncodedTask,
  'state' | 'revision' | 'sequence' | 'attempt' | 'created' | 'started' | 'startBy' | 'deadlineAt'
>;

/** The words of a new head before its place and behind its birth, which the script adds. */
export interface HeadEnds {
  /** The words before them. */
  readonly begin: string;
  /** The words behind them. */
  readonly ending: string;
}

/**
 * @param nonce tells the task from an earlier or later one with the same id
 * @param size bytes of spec, payload, checkpoint and finished attempts
 * @param bytes that count for the retention, of a task that has ended
 */
export function headEndsOf(
  { state, revision, sequence, attempt, created, started, startBy, deadlineAt }: HeadWords,
  { timeout, nonce, size, bytes }: { timeout: Seconds; nonce: string; size: number; bytes: number },
): HeadEnds {
  return {
    begin: `${state} ${revision} ${sequence} ${attempt} ${created} ${started} ${startBy} ${timeout} `,
    ending: ` ${nonce} ${bytes} ${size}${deadlineAt === NONE ? '' : ` ${deadlineAt}`}`,
  };
}

/** The words of a head that a process reads. */
export interface Head {
  readonly attempt: number;
  /** Bytes that count towards the retention; 0 for a task that has not ended. */
  readonly bytes: number;
  /** Bytes of spec, payload, checkpoint and finished attempts. */
  readonly size: number | undefined;
  readonly created: string;
  readonly timeout: string;
  /** The place in the queue: the lower, the sooner a claim takes the task. */
  readonly place: number;
  /** Words that never change: birth and nonce. */
  readonly origin: string;
  /** The words of later versions behind the deadline, unchanged. */
  readonly rest: string;
}

/** Of a priority, as in `lua/lanes.lua`. */
const HIGHEST_PRIORITY = 1000;
/** How many places a priority has. */
const AGES = 2 ** 42;

/** The place in another priority, by the same age. */
export function placeAt(place: number, priority: number): number {
  return (HIGHEST_PRIORITY - priority) * AGES + (place % AGES);
}

export function readHead(text: string): Head {
  const [, , , attempt, created = '', , , timeout = '', place, born, nonce, bytes, ...rest] = text.split(' ');
  const [size, , ...added] = rest;
  return {
    attempt: Number(attempt),
    bytes: Number(bytes),
    size: size === undefined ? undefined : Number(size),
    created,
    timeout,
    place: Number(place),
    origin: `${born} ${nonce}`,
    rest: added.map((word) => ` ${word}`).join(''),
  };
}

/** The head of the next revision. */
export function nextHead(head: Head, task: EncodedTask, bytes: number): string {
  const { created, timeout, place, origin, size, rest } = head;
  const { state, revision, sequence, attempt, started, startBy, deadlineAt } = task;
  const deadline = deadlineAt === NONE && rest === '' ? '' : ` ${deadlineAt}`;
  const ending = size === undefined ? '' : ` ${size}${deadline}${rest}`;
  return `${state} ${revision} ${sequence} ${attempt} ${created} ${started} ${startBy} ${timeout} ${place} ${origin} ${bytes}${ending}`;
}

/** Fields of a later version are not in the task; they stay in the spec of the record. */
export function decodeTask(
  [head, specText, core, lease]: TaskFields,
  leaseOf: (span: Span) => Lease = () => JSON.parse(lease) as Lease,
): Task {
  const [state, revision, sequence, attempt, created, started, startBy] = head.split(' ', 7);
  const spec = JSON.parse(specText) as TaskSpec;
  const rest = JSON.parse(core) as Pick<Task, 'deadlineAt'>;
  const task: unknown = Object.assign(rest, {
    spec,
    state,
    revision: Number(revision),
    sequence: Number(sequence),
    attempt: Number(attempt),
    createdAt: Number(created),
    startedAt: fromNone(started),
    startBy: fromNone(startBy),
    ...(state === 'processing' && { lease: leaseOf({ timeout: spec.timeout, deadlineAt: rest.deadlineAt }) }),
  });
  return task as Task;
}

/** The lane that a task waits in, see `lua/lanes.lua`. */
export function laneOf({ group = '', requires }: TaskSpec): string {
  const signature = signatureOf(requires);
  return group === '' && signature === '' ? '' : `${signature} ${group}`;
}

/** The number of writes. */
export function revisionOf(head: string): number {
  return Number(head.split(' ', 2)[1]);
}

/** The nonce, which distinguishes the task from an earlier or later one with the same id. */
export function nonceOf(head: string): string {
  return head.split(' ', 11)[10] ?? '';
}

/** The place in the queue; lower places are claimed first. */
export function placeOf(head: string): number {
  return Number(head.split(' ', 9)[8]);
}

/** The members of a task that other fields of its hash have; JSON omits them. */
const KEPT_ELSEWHERE = {
  spec: undefined,
  state: undefined,
  revision: undefined,
  sequence: undefined,
  attempt: undefined,
  createdAt: undefined,
  startedAt: undefined,
  startBy: undefined,
  lease: undefined,
};

function orNone(instant: Instant | undefined): string {
  return instant === undefined ? NONE : String(instant);
}

function fromNone(word: string | undefined): Instant | undefined {
  return word === undefined || word === NONE ? undefined : Number(word);
}
