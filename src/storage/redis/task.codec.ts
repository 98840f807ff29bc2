import type { Instant } from '../../task/clock.js';
import { dueAt } from '../../task/task.machine.js';
import { signatureOf } from '../../task/requirements.js';
import type { Lease, Task, TaskSpec } from '../../task/task.js';
import { holderOf } from '../claim-key.js';

/** The fields of a task's hash that make up the task: `head`, `spec`, `core`, `lease`. */
export type TaskFields = readonly [head: string, spec: string, core: string, lease: string];

/** What a script writes of a task. */
export interface EncodedTask {
  readonly state: string;
  readonly revision: number;
  readonly sequence: number;
  readonly attempt: number;
  readonly created: number;
  readonly started: string;
  readonly startBy: string;
  /** When time alone changes it, or when it ended; empty for never. */
  readonly deadline: string;
  readonly core: string;
  readonly lease: string;
  /** The claim call that holds it, or empty. */
  readonly claim: string;
}

/** The words of a head, in the order of `scripts/record.lua`. */
const HEAD = [
  ...(['state', 'revision', 'sequence', 'attempt', 'created', 'started', 'startBy'] as const),
  ...(['timeout', 'place', 'born', 'nonce', 'bytes'] as const),
];

/** A word that stands for nothing. */
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
    deadline: dueAt(task, 0)?.at.toString() ?? '',
    core: JSON.stringify({ ...task, ...KEPT_ELSEWHERE }),
    lease: lease === undefined ? '' : JSON.stringify(lease),
    claim: holderOf(task) ?? '',
  };
}

/** Fields that a later version has added to a record are left out of the task and stay in the record's spec. */
export function decodeTask([head, spec, core, lease]: TaskFields): Task {
  const [state, revision, sequence, attempt, created, started, startBy] = head.split(' ');
  const task: unknown = {
    spec: JSON.parse(spec) as TaskSpec,
    ...(JSON.parse(core) as object),
    state,
    revision: Number(revision),
    sequence: Number(sequence),
    attempt: Number(attempt),
    createdAt: Number(created),
    startedAt: fromNone(started),
    startBy: fromNone(startBy),
    ...(state === 'processing' && { lease: JSON.parse(lease) as Lease }),
  };
  return task as Task;
}

/** The lane that a task waits in, see `scripts/lanes.lua`. */
export function laneOf({ group = '', requires }: TaskSpec): string {
  const signature = signatureOf(requires);
  return group === '' && signature === '' ? '' : `${signature} ${group}`;
}

/** Tells the task from an earlier or later one with the same id. */
export function nonceOf(head: string): string {
  return wordOf(head, 'nonce');
}

/** Its place in the queue: the lower, the sooner it is claimed. */
export function placeOf(head: string): number {
  return Number(wordOf(head, 'place'));
}

/** Bytes that count for the retention. */
export function bytesOf(head: string): number {
  return Number(wordOf(head, 'bytes'));
}

/** All of a task that is kept elsewhere in its hash, as nothing in JSON. */
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

function wordOf(head: string, name: (typeof HEAD)[number]): string {
  return head.split(' ')[HEAD.indexOf(name)] ?? '';
}

function orNone(instant: Instant | undefined): string {
  return instant === undefined ? NONE : String(instant);
}

function fromNone(word: string | undefined): Instant | undefined {
  return word === undefined || word === NONE ? undefined : Number(word);
}
