import type {
  BatchAnswer,
  ClaimedTask,
  ClaimedTasks,
  FinishedItems,
  KeptLease,
  KeptLeases,
} from './api.generated.js';
import { membersOf } from './json-text.js';

/** A claimed task, with its metadata as the JSON text that the producer sent. */
export interface HeldTask extends ClaimedTask {
  /**
   * The metadata as JSON text; null without metadata. `metadata` holds JavaScript numbers, which change
   * 9007199254740993 and 1.0.
   */
  readonly metadata_text: string | null;
  /** The checkpoint as JSON text; null without one. `checkpoint` holds JavaScript numbers. */
  readonly checkpoint_text: string | null;
}

/** The result of a claim; `drain` asks this worker to claim no more tasks. */
export interface ClaimAnswer extends Omit<ClaimedTasks, 'tasks'> {
  readonly tasks: readonly HeldTask[];
}

/** Parses the text of a response. @throws Error when the text is not a valid answer to the call */
export type Read<Answer> = (text: string) => Answer;

type Kind = 'string' | 'text' | 'number' | 'duration' | 'interval' | 'array' | 'object';

/**
 * Valid heartbeat intervals in seconds. Leases last from a second to a month; other values would flood the service or
 * lose the lease.
 */
const SHORTEST_INTERVAL = 0.1;
const LONGEST_INTERVAL = 31_622_400;

/** Requires an object with these members of these types. Other members are not checked. */
export function objectWith<Answer>(members: Readonly<Record<string, Kind>>): Read<Answer> {
  return (text) => {
    const answer: unknown = JSON.parse(text);
    requireMembers(answer, members);
    return answer as Answer;
  };
}

const STATUS = { eval_id: 'string', status: 'string' } as const;
const CLAIMED = {
  eval_id: 'string',
  lease_id: 'string',
  timeout: 'duration',
  heartbeat_interval: 'interval',
  code: 'text',
} as const;

/** Requires an answer about this task. An answer about another task belongs to another call. */
export function about<Answer>(id: string): Read<Answer> {
  const read = objectWith<Answer & { eval_id: string }>(STATUS);
  return (text) => {
    const answer = read(text);
    if (answer.eval_id !== id) throw new TypeError('the answer is about another task');
    return answer;
  };
}

export const readBatch = objectWith<BatchAnswer>({ batch_id: 'string', results: 'array' });
export const readKeptLease = objectWith<KeptLease>({ heartbeat_interval: 'interval' });
export const readFinished = objectWith<FinishedItems>({ results: 'array' });

/** Requires one result per lease, in any order: a problem or the next interval. */
export function heartbeatsOf(leases: readonly { readonly eval_id: string }[]): Read<KeptLeases> {
  const read = objectWith<KeptLeases>({ results: 'array' });
  return (text) => {
    const answer = read(text);
    const indices = new Set<number>();
    for (const item of answer.results) {
      requireMembers(item, { index: 'number' });
      indices.add(item.index);
      if ('problem' in item) requireMembers(item, { problem: 'object' });
      else requireMembers(item, { heartbeat_interval: 'interval' });
      const lease = leases[item.index];
      // An item that the service refuses as invalid has no task.
      const isRefused = 'problem' in item && item.eval_id === undefined;
      const isOther = !isRefused && item.eval_id !== lease?.eval_id;
      if (lease === undefined || isOther) throw new TypeError('the answer is about another task');
    }
    if (indices.size !== leases.length) throw new TypeError('the answer omits a lease');
    return answer;
  };
}

export function readClaim(text: string): ClaimAnswer {
  const answer = objectWith<ClaimedTasks>({ tasks: 'array' })(text);
  answer.tasks.forEach((task) => requireMembers(task, CLAIMED));
  const hasTexts = answer.tasks.some((task) => (task.metadata ?? null) !== null || hasCheckpoint(task));
  if (!hasTexts) return { ...answer, tasks: answer.tasks.map((task) => ({ ...task, ...NO_TEXTS })) };
  const texts = [...membersOf(membersOf(text).get('tasks') ?? '[]').values()];
  const tasks = answer.tasks.map((task, index) => {
    const members = membersOf(texts[index] ?? '{}');
    const metadata = members.get('metadata') ?? 'null';
    const checkpoint_text = hasCheckpoint(task) ? (members.get('checkpoint') ?? 'null') : null;
    return { ...task, metadata_text: metadata === 'null' ? null : metadata, checkpoint_text };
  });
  return { ...answer, tasks };
}

const NO_TEXTS = { metadata_text: null, checkpoint_text: null };

/** Services of earlier versions send none. */
function hasCheckpoint({ checkpoint_attempt: attempt }: Partial<ClaimedTask>): boolean {
  return typeof attempt === 'number';
}

function requireMembers(answer: unknown, members: Readonly<Record<string, Kind>>): void {
  if (typeof answer !== 'object' || answer === null) throw new TypeError('the answer must be an object');
  for (const [name, kind] of Object.entries(members)) {
    const value = (answer as Readonly<Record<string, unknown>>)[name];
    if (!IS_OF[kind](value)) throw new TypeError(`the answer has no valid ${name}`);
  }
}

const IS_OF: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string' && value !== '',
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  duration: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  interval: (value) => typeof value === 'number' && value >= SHORTEST_INTERVAL && value <= LONGEST_INTERVAL,
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null,
};
