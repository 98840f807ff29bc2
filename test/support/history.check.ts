/** Judges a history by the promises of the queue. Pure: the same history, the same verdict. */
import type { EnqueueOp, Fault, History, Ms } from './history.js';
import {
  countingAttempts,
  freshTokens,
  noStaleReport,
  oneHolder,
  withinBudget,
} from './history.lease-rules.js';
import { peaksOf, withinLimit } from './history.limit-rules.js';
import {
  claimsRepeat,
  clearCount,
  deliveriesPaid,
  inOrder,
  noFalseEmpty,
  type QueueRule,
} from './history.queue-rules.js';
import {
  cleared,
  enqueuedOnce,
  noPhantom,
  notEarly,
  notExpired,
  notLost,
  notStuck,
  oneOutcome,
  outcomeHasCause,
  payloadIntact,
  type RuleContext,
  type TaskRule,
} from './history.task-rules.js';
import { isOk, mayBeCleared, storiesOf, type Stories, type TaskStory } from './history.tasks.js';

/** The names are those of the list of invariants. */
const TASK_RULES: readonly (readonly [string, TaskRule])[] = [
  ['INV-02', noPhantom],
  ['INV-03', payloadIntact],
  ['INV-05', freshTokens],
  ['INV-06', noStaleReport],
  ['INV-07', outcomeHasCause],
  ['INV-08', notStuck],
  ['INV-13', notExpired],
];
/** These hold for a task unless what was written to it may have been undone. */
const LASTING_TASK_RULES: typeof TASK_RULES = [
  ['INV-01', notLost],
  ['INV-04', oneHolder],
  ['INV-05', countingAttempts],
  ['INV-07', oneOutcome],
  ['INV-11', withinBudget],
  ['INV-12', notEarly],
  ['INV-14', enqueuedOnce],
  ['INV-18', cleared],
];
/** Where groups take turns and limits hold tasks back, age is not all, and an empty answer says less. */
const PLAIN_QUEUE_RULES: readonly (readonly [string, QueueRule])[] = [
  ['INV-09', noFalseEmpty],
  ['INV-10', inOrder],
];
const QUEUE_RULES: typeof PLAIN_QUEUE_RULES = [
  ['INV-11', deliveriesPaid],
  ['INV-18', clearCount],
  ['INV-23', claimsRepeat],
];

export interface Violation {
  readonly rule: string;
  readonly detail: string;
}

/** Counts of tasks, with the names that Jepsen gives them. */
export interface Figures {
  /** Enqueued, whatever was answered. */
  readonly attempts: number;
  readonly acknowledged: number;
  /** Acknowledged and, at the end, delivered or ended in another way. */
  readonly ok: number;
  /** Acknowledged and gone. */
  readonly lost: number;
  /** Delivered though nobody enqueued them. */
  readonly unexpected: number;
  /** Delivered more than once. */
  readonly duplicated: number;
  /** Enqueued without an answer, and delivered all the same. */
  readonly recovered: number;
  /** Whose completion was acknowledged. */
  readonly completed: number;
  /** Whose completion was acknowledged, and which were not completed later. */
  readonly undone: number;
  /** The most tasks of one group that were certainly held at an instant. */
  readonly mostOfGroup: number;
}

export interface Verdict {
  /** Why the run proves nothing; then it is not green, whatever else is here. */
  readonly invalid: readonly string[];
  readonly violations: readonly Violation[];
  readonly figures: Figures;
}

export interface Conditions {
  /** What clocks and event loops may be apart. */
  readonly skewMs?: Ms;
  /** Whether the run was meant to break something. */
  readonly hasFaults: boolean;
  /** How many tasks of a group may be held at an instant, when the queue has such a limit. */
  readonly groupLimit?: number;
}

const SKEW_MS = 50;
/** Outside faults, of what was sent. A run in which little works shows little. */
const LEAST_ACKNOWLEDGED = 0.9;

export function checkHistory(
  history: History,
  { skewMs = SKEW_MS, hasFaults, groupLimit }: Conditions,
): Verdict {
  const stories = storiesOf(history);
  const context: RuleContext = { stories, skewMs };
  const tasks = [...stories.tasks.values()];
  const judge = (rules: typeof TASK_RULES, some: readonly TaskStory[]) =>
    rules.flatMap(([rule, check]) =>
      some.flatMap((story) => check(story, context).map((text) => ({ rule, detail: `${story.id} ${text}` }))),
    );
  const lasting = tasks.filter(({ mayBeUndone }) => !mayBeUndone);
  const ofTasks = [...judge(TASK_RULES, tasks), ...judge(LASTING_TASK_RULES, lasting)];
  const queueRules = groupLimit === undefined ? [...PLAIN_QUEUE_RULES, ...QUEUE_RULES] : QUEUE_RULES;
  const ofQueues = queueRules.flatMap(([rule, check]) => check(context).map((detail) => ({ rule, detail })));
  const peaks = peaksOf(stories);
  const ofGroups = withinLimit(peaks, groupLimit ?? Infinity).map((detail) => ({ rule: 'INV-27', detail }));
  const violations = [...ofTasks, ...tokensOfTwoTasks(tasks), ...ofQueues, ...ofGroups];
  const figures = { ...figuresOf(stories), mostOfGroup: Math.max(0, ...peaks.map(({ held }) => held)) };
  return { invalid: whyInvalid(history, stories, hasFaults), violations, figures };
}

/** INV-05 across tasks. */
function tokensOfTwoTasks(tasks: readonly TaskStory[]): Violation[] {
  const owners = new Map<string, string>();
  return tasks.flatMap(({ id, leases }) =>
    leases.flatMap(({ token }) => {
      const owner = owners.get(token) ?? id;
      owners.set(token, owner);
      return owner === id ? [] : [{ rule: 'INV-05', detail: `${id} got a token of ${owner}` }];
    }),
  );
}

function whyInvalid({ operations, faults }: History, stories: Stories, hasFaults: boolean): string[] {
  const enqueues = operations.filter((operation) => operation.f === 'enqueue');
  const calm = enqueues.filter((enqueue) => !faults.some((fault) => isWithin(enqueue, fault)));
  const share = calm.length === 0 ? 1 : calm.filter(isOk).length / calm.length;
  const tasks = [...stories.tasks.values()].filter((story) => story.enqueues.length > 0);
  const unread = tasks.filter(({ final }) => final === undefined).length;
  return [
    ...(enqueues.length === 0 ? ['nothing was enqueued'] : []),
    ...(tasks.some(({ leases }) => leases.length > 0) ? [] : ['nothing was leased']),
    ...(hasFaults && faults.length === 0 ? ['no fault took effect'] : []),
    ...(share < LEAST_ACKNOWLEDGED
      ? [`outside faults only ${Math.round(share * 100)} % was acknowledged`]
      : []),
    ...(unread > 0 ? [`${unread} tasks were not read at the end`] : []),
  ];
}

function isWithin({ t0, t1 }: EnqueueOp, fault: Fault): boolean {
  return t0 <= fault.t1 && t1 >= fault.t0;
}

function figuresOf({ tasks, clears }: Stories): Omit<Figures, 'mostOfGroup'> {
  const all = [...tasks.values()];
  const tried = all.filter(({ enqueues }) => enqueues.length > 0);
  const acknowledged = tried.filter(({ enqueues }) => enqueues.some(isOk));
  const lost = acknowledged.filter(
    (story) => story.final?.state === 'absent' && !mayBeCleared(story, clears),
  );
  const done = acknowledged.filter((story) => isDelivered(story) || isEnded(story));
  const completed = all.filter(({ ends }) => ends.some((end) => isOk(end) && end.state === 'completed'));
  const undone = completed.filter(
    (story) => story.final !== undefined && story.final.state !== 'completed' && !mayBeCleared(story, clears),
  );
  return {
    attempts: tried.length,
    acknowledged: acknowledged.length,
    ok: done.filter((story) => !lost.includes(story)).length,
    lost: lost.length,
    unexpected: all.filter((story) => story.enqueues.length === 0 && isDelivered(story)).length,
    duplicated: all.filter(({ leases }) => leases.length > 1).length,
    recovered: tried.filter((story) => !story.enqueues.some(isOk) && isDelivered(story)).length,
    completed: completed.length,
    undone: undone.length,
  };
}

function isDelivered({ leases }: TaskStory): boolean {
  return leases.length > 0;
}

function isEnded({ final }: TaskStory): boolean {
  return (
    final?.state === 'completed' ||
    final?.state === 'failed' ||
    final?.state === 'expired' ||
    final?.state === 'cancelled'
  );
}
