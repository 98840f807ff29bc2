/**
 * The states of a task and their facts, in one table. Other code reads the facts here. A new state is a new row, and
 * the compiler then names every place that must handle it.
 */

interface StateFacts {
  /** The task has ended. It is kept for its retention; only a redrive or its removal follows. */
  readonly isFinal: boolean;
  /** The task counts as depth: it has not started, and no worker holds it. */
  readonly isWaiting: boolean;
  /** The task ended without success and needs an operator's attention. */
  readonly isDeadLetter: boolean;
  /** A redrive gives the task back to its queue. */
  readonly isRedrivable: boolean;
}

const FACTS = {
  /**
   * The task waits for a moment: its `run_at`, the end of its `delay`, or the end of a backoff. A tick then makes it
   * `queued`, or `expired` when its start deadline has passed.
   */
  delayed: { isFinal: false, isWaiting: true, isDeadLetter: false, isRedrivable: false },
  /** The task is ready for the next eligible claim. A tick makes it `expired` when its start deadline passes. */
  queued: { isFinal: false, isWaiting: true, isDeadLetter: false, isRedrivable: false },
  /**
   * A worker holds the task by its lease. The worker's report ends the attempt. A tick ends it as lost when the lease
   * runs out: the task is `queued` again while interruptions are left, and `failed` after that.
   */
  processing: { isFinal: false, isWaiting: false, isDeadLetter: false, isRedrivable: false },
  /** A worker reported success. The task is kept until its retention ends. */
  completed: { isFinal: true, isWaiting: false, isDeadLetter: false, isRedrivable: false },
  /** A budget is spent: failures or interruptions. The task's `outcome` names which. */
  failed: { isFinal: true, isWaiting: false, isDeadLetter: true, isRedrivable: true },
  /** An operator or a producer cancelled the task. A worker that held it learns this from its next heartbeat. */
  cancelled: { isFinal: true, isWaiting: false, isDeadLetter: false, isRedrivable: true },
  /** The task had not started by the end of its `ttl`, or by its `expires_at`. */
  expired: { isFinal: true, isWaiting: false, isDeadLetter: true, isRedrivable: true },
} as const satisfies Readonly<Record<string, StateFacts>>;

export type TaskState = keyof typeof FACTS;

/** The states that have a fact. */
type StateWith<Fact extends keyof StateFacts> = {
  [State in TaskState]: (typeof FACTS)[State][Fact] extends true ? State : never;
}[TaskState];

export type FinalState = StateWith<'isFinal'>;
export type RedrivableState = StateWith<'isRedrivable'>;

/** All states, in the order in which counts and filters show them. */
export const TASK_STATES = Object.keys(FACTS) as readonly TaskState[];

export const WAITING_STATES = statesWith('isWaiting');
/** States that have not ended. A batch waits for tasks in them. */
export const CANCELLABLE_STATES = TASK_STATES.filter((state) => !isFinalState(state));
export const FINAL_STATES = statesWith('isFinal');
export const DEAD_LETTER_STATES = statesWith('isDeadLetter');

/** Dead letters first. */
export const REDRIVABLE_STATES: readonly RedrivableState[] = statesWith('isRedrivable').toSorted(
  (one, other) => Number(FACTS[other].isDeadLetter) - Number(FACTS[one].isDeadLetter),
);

export function isFinalState(state: TaskState): state is FinalState {
  return FACTS[state].isFinal;
}

export function isWaitingState(state: TaskState): state is StateWith<'isWaiting'> {
  return FACTS[state].isWaiting;
}

export function isRedrivableState(state: TaskState): state is RedrivableState {
  return FACTS[state].isRedrivable;
}

function statesWith<Fact extends keyof StateFacts>(fact: Fact): readonly StateWith<Fact>[] {
  return TASK_STATES.filter((state): state is StateWith<Fact> => FACTS[state][fact]);
}

/** Number of tasks in each state. */
export type StateCounts = Readonly<Record<TaskState, number>>;

/** The sum over the given states; over all states by default. */
export function countIn(counts: StateCounts, states: readonly TaskState[] = TASK_STATES): number {
  return states.reduce((sum, state) => sum + counts[state], 0);
}
