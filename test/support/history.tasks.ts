import type {
  CancelOp,
  ClearOp,
  EndOp,
  EnqueueOp,
  Fault,
  GetOp,
  Grant,
  HeartbeatOp,
  History,
  LeaseOp,
  Ms,
  Result,
} from './history.js';

/** A grant and the operation that returned it. */
export interface Lease extends Grant {
  readonly t0: Ms;
  readonly t1: Ms;
  readonly claimId?: string;
}

/** All that a history says of one task. Operations that certainly had no effect are left out. */
export interface TaskStory {
  readonly id: string;
  /** By the time they were sent. */
  readonly enqueues: EnqueueOp[];
  /** By attempt, then by the time they were sent. */
  readonly leases: Lease[];
  readonly heartbeats: HeartbeatOp[];
  readonly ends: EndOp[];
  readonly cancels: CancelOp[];
  readonly gets: GetOp[];
  /** What the final phase read last. */
  final: GetOp | undefined;
  /** It was written to when writes may have been undone. */
  mayBeUndone: boolean;
}

/** A history, sorted by what it is about. */
export interface Stories {
  readonly tasks: ReadonlyMap<string, TaskStory>;
  readonly clears: readonly ClearOp[];
  readonly polls: readonly LeaseOp[];
  /** Polls whose answer was lost: what they took, nobody knows. */
  readonly lostPolls: readonly LeaseOp[];
  readonly faults: readonly Fault[];
}

function emptyStory(id: string): TaskStory {
  const operations = { enqueues: [], leases: [], heartbeats: [], ends: [], cancels: [], gets: [] };
  return { id, ...operations, final: undefined, mayBeUndone: false };
}

/** Sorts a history by task. */
export function storiesOf(history: History): Stories {
  const tasks = new Map<string, TaskStory>();
  const clears: ClearOp[] = [];
  const polls: LeaseOp[] = [];
  const claimedSince = new Map<string, Ms>();
  const storyOf = (id: string) => {
    const story = tasks.get(id) ?? emptyStory(id);
    tasks.set(id, story);
    return story;
  };
  const operations = history.operations.filter(({ res }) => res !== 'fail').sort((a, b) => a.t0 - b.t0);
  for (const operation of operations) {
    if (operation.f === 'clear') clears.push(operation);
    else if (operation.f === 'lease') {
      const { claimId, t1 } = operation;
      // Whatever it returns, the first call with this id may have taken.
      const t0 = claimedSince.get(claimId ?? '') ?? operation.t0;
      if (claimId !== undefined) claimedSince.set(claimId, t0);
      polls.push(operation);
      for (const grant of operation.grants) addLease(storyOf(grant.id), { ...grant, t0, t1, claimId });
    } else addTo(storyOf(operation.id), operation);
  }
  for (const story of tasks.values()) {
    story.leases.sort((a, b) => a.attempt - b.attempt || a.t0 - b.t0);
    story.mayBeUndone = isInLoss(story, history.faults);
  }
  const lostPolls = polls.filter(({ res }) => res === 'info');
  return { tasks, clears, polls, lostPolls, faults: history.faults };
}

function isInLoss(
  { enqueues, leases, heartbeats, ends, cancels }: TaskStory,
  faults: readonly Fault[],
): boolean {
  const writes = [...enqueues, ...leases, ...heartbeats, ...ends, ...cancels];
  return faults.some(({ losesFrom = Infinity, t1 }) =>
    writes.some((write) => write.t1 >= losesFrom && write.t0 <= t1),
  );
}

/** What a claim call was told again is no other lease. */
function addLease({ leases }: TaskStory, lease: Lease): void {
  const { claimId, token } = lease;
  const isTold = leases.some(
    (other) => claimId !== undefined && other.claimId === claimId && other.token === token,
  );
  if (!isTold) leases.push(lease);
}

function addTo(story: TaskStory, operation: EnqueueOp | HeartbeatOp | EndOp | CancelOp | GetOp): void {
  switch (operation.f) {
    case 'enqueue':
      story.enqueues.push(operation);
      return;
    case 'heartbeat':
      story.heartbeats.push(operation);
      return;
    case 'complete':
    case 'fail':
    case 'release':
      story.ends.push(operation);
      return;
    case 'cancel':
      story.cancels.push(operation);
      return;
    case 'get':
      if (operation.res !== 'ok') return;
      story.gets.push(operation);
      if (operation.isFinal) story.final = operation;
  }
}

/** Whether a clear may have removed the task before `until`. One whose answer was lost may come at any time. */
export function mayBeCleared(story: TaskStory, clears: readonly ClearOp[], until: Ms = Infinity): boolean {
  const [first] = story.enqueues;
  if (first === undefined) return false;
  return clears.some(({ res, t0, t1 }) => t0 < until && (res === 'info' || t1 > first.t0));
}

/** Whether it may have been enqueued anew after a clear: then attempts and outcomes of two lives are in one story. */
export function mayHaveTwoLives({ enqueues }: TaskStory, clears: readonly ClearOp[]): boolean {
  if (enqueues.length < 2) return false;
  // Of two that were under way together either may have come first: one began a life before the clear, another one after.
  return clears.some((clear) => {
    const before = enqueues.filter(({ t0 }) => clear.res === 'info' || t0 < clear.t1);
    const after = enqueues.filter(({ res, t1 }) => res === 'info' || t1 > clear.t0);
    return before.length > 0 && after.length > 0 && new Set([...before, ...after]).size > 1;
  });
}

export function isOk({ res }: { readonly res: Result }): boolean {
  return res === 'ok';
}
