/** Every command in every state: what follows, or which error. Conditions have their own files beside this one. */
import {
  LeaseLost,
  NotClaimed,
  NotRedrivable,
  TaskEnded,
  type TaskError,
  TaskNotFinished,
} from '../../../src/task/task.errors.js';
import {
  cancel,
  claim,
  complete,
  create,
  fail,
  heartbeat,
  redrive,
  release,
  requireFinished,
  type Transition,
  tick,
} from '../../../src/task/task.machine.js';
import { isFinished, type Task } from '../../../src/task/task.js';
import { TASK_STATES, type TaskState } from '../../../src/task/task-state.js';
import {
  at,
  delayedTask,
  grant,
  lastAttempt,
  processingTask,
  queuedTask,
  spec,
  TASK_IN,
} from '../../support/task.builders.js';

type Outcome = Transition | undefined;
type Refusal = readonly [new (...args: never[]) => TaskError, string, string?];
/** `event → state`, `repeated` when there is nothing left to do, or the refusal. */
type Expected = string | Refusal;

const NOW = at(10_000);
const HOLDER = { leaseId: 'lease-1' };
const STRANGER = { leaseId: 'lease-of-nobody' };

const LOST = (reason: string): Refusal => [LeaseLost, 'lease_lost', reason];
const ENDED: Refusal = [TaskEnded, 'task_ended'];
const UNCLAIMED: Refusal = [NotClaimed, 'not_claimed'];
const FIRM: Refusal = [NotRedrivable, 'not_redrivable'];
const NOTHING = 'repeated';

/** The default tasks, and waiting ones that were claimed before and whose `lease-1` ended as lost. */
const lost = { attempt: 1, startedAt: 1_000, interruptions: 1, last: lastAttempt({ outcome: 'lost' }) };
const TASKS = {
  ...TASK_IN,
  delayedAgain: delayedTask({ ...lost, runAt: 90_000 }),
  queuedAgain: queuedTask(lost),
};
type Situation = keyof typeof TASKS;

const COMMANDS: Record<string, (task: Task) => Outcome> = {
  'complete by the holder': (task) => complete(task, HOLDER, NOW),
  'complete by a stranger': (task) => complete(task, STRANGER, NOW),
  'complete without a lease': (task) => complete(task, {}, NOW),
  'fail by the holder': (task) => fail(task, { ...HOLDER, random: 0 }, NOW),
  'fail by a stranger': (task) => fail(task, { ...STRANGER, random: 0 }, NOW),
  'fail without a lease': (task) => fail(task, { random: 0 }, NOW),
  'fail as lost by the holder': (task) => fail(task, { ...HOLDER, outcome: 'lost', random: 0 }, NOW),
  'fail as lost by a stranger': (task) => fail(task, { ...STRANGER, outcome: 'lost', random: 0 }, NOW),
  'fail as lost without a lease': (task) => fail(task, { outcome: 'lost', random: 0 }, NOW),
  'release by the holder': (task) => release(task, HOLDER, NOW),
  'release by a stranger': (task) => release(task, STRANGER, NOW),
  cancel: (task) => cancel(task, undefined, NOW),
  redrive: (task) => redrive(task, NOW),
  time: (task) => tick(task, NOW),
};

const TABLE: Record<keyof typeof COMMANDS, Record<Situation, Expected>> = {
  'complete by the holder': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('expired'),
    queuedAgain: LOST('expired'),
    processing: 'completed → completed',
    completed: NOTHING,
    failed: LOST('expired'),
    cancelled: LOST('cancelled'),
    expired: LOST('expired'),
  },
  'complete by a stranger': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('reassigned'),
    queuedAgain: LOST('reassigned'),
    processing: LOST('reassigned'),
    completed: LOST('reassigned'),
    failed: LOST('reassigned'),
    cancelled: LOST('reassigned'),
    expired: LOST('expired'),
  },
  'complete without a lease': {
    delayed: UNCLAIMED,
    queued: UNCLAIMED,
    delayedAgain: 'completed → completed',
    queuedAgain: 'completed → completed',
    processing: 'completed → completed',
    completed: NOTHING,
    failed: ENDED,
    cancelled: ENDED,
    expired: ENDED,
  },
  'fail by the holder': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('expired'),
    queuedAgain: LOST('expired'),
    processing: 'failed → failed',
    completed: LOST('expired'),
    failed: NOTHING,
    cancelled: LOST('cancelled'),
    expired: LOST('expired'),
  },
  'fail by a stranger': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('reassigned'),
    queuedAgain: LOST('reassigned'),
    processing: LOST('reassigned'),
    completed: LOST('reassigned'),
    failed: LOST('reassigned'),
    cancelled: LOST('reassigned'),
    expired: LOST('expired'),
  },
  'fail without a lease': {
    delayed: UNCLAIMED,
    queued: UNCLAIMED,
    delayedAgain: 'failed → failed',
    queuedAgain: 'failed → failed',
    processing: 'failed → failed',
    completed: ENDED,
    failed: NOTHING,
    cancelled: ENDED,
    expired: ENDED,
  },
  'fail as lost by the holder': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: NOTHING,
    queuedAgain: NOTHING,
    processing: 'lost → queued',
    completed: LOST('expired'),
    failed: LOST('expired'),
    cancelled: LOST('cancelled'),
    expired: LOST('expired'),
  },
  'fail as lost by a stranger': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('reassigned'),
    queuedAgain: LOST('reassigned'),
    processing: LOST('reassigned'),
    completed: LOST('reassigned'),
    failed: LOST('reassigned'),
    cancelled: LOST('reassigned'),
    expired: LOST('expired'),
  },
  'fail as lost without a lease': {
    delayed: UNCLAIMED,
    queued: UNCLAIMED,
    delayedAgain: NOTHING,
    queuedAgain: NOTHING,
    processing: 'lost → queued',
    completed: ENDED,
    failed: NOTHING,
    cancelled: ENDED,
    expired: ENDED,
  },
  'release by the holder': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('expired'),
    queuedAgain: LOST('expired'),
    processing: 'released → queued',
    completed: LOST('expired'),
    failed: LOST('expired'),
    cancelled: LOST('cancelled'),
    expired: LOST('expired'),
  },
  'release by a stranger': {
    delayed: LOST('expired'),
    queued: LOST('expired'),
    delayedAgain: LOST('reassigned'),
    queuedAgain: LOST('reassigned'),
    processing: LOST('reassigned'),
    completed: LOST('reassigned'),
    failed: LOST('reassigned'),
    cancelled: LOST('reassigned'),
    expired: LOST('expired'),
  },
  cancel: {
    delayed: 'cancelled → cancelled',
    queued: 'cancelled → cancelled',
    delayedAgain: 'cancelled → cancelled',
    queuedAgain: 'cancelled → cancelled',
    processing: 'cancelled → cancelled',
    completed: ENDED,
    failed: ENDED,
    cancelled: NOTHING,
    expired: ENDED,
  },
  redrive: {
    delayed: FIRM,
    queued: FIRM,
    delayedAgain: FIRM,
    queuedAgain: FIRM,
    processing: FIRM,
    completed: FIRM,
    failed: 'queued → queued',
    cancelled: 'queued → queued',
    expired: 'queued → queued',
  },
  // At 10,000 only the start of the delayed task, 5,000, has come.
  time: {
    delayed: 'queued → queued',
    queued: NOTHING,
    delayedAgain: NOTHING,
    queuedAgain: NOTHING,
    processing: NOTHING,
    completed: NOTHING,
    failed: NOTHING,
    cancelled: NOTHING,
    expired: NOTHING,
  },
};

const ROWS = Object.entries(TABLE).flatMap(([command, cells]) =>
  Object.entries(cells).map(([situation, expected]) => ({ command, situation, expected })),
);

function run(command: string, situation: string): Outcome {
  const act = COMMANDS[command];
  if (!act) throw new Error(`There is no command ${command}`);
  return act(TASKS[situation as Situation]);
}

function refusalOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('the table of commands and states', () => {
  it('has a row for every command', () => {
    expect(Object.keys(TABLE)).toEqual(Object.keys(COMMANDS));
  });

  const allowed = ROWS.filter(({ expected }) => typeof expected === 'string');
  it.each(allowed)('$command, $situation: $expected', ({ command, situation, expected }) => {
    const step = run(command, situation);
    expect(step === undefined ? NOTHING : `${step.type} → ${step.task.state}`).toBe(expected);
  });

  it.each(allowed)('counts one transition: $command, $situation', ({ command, situation, expected }) => {
    const before: Task = TASKS[situation as Situation];
    const step = run(command, situation);
    if (expected === NOTHING) return expect(step).toBeUndefined();
    expect(step).toMatchObject({
      at: NOW.wall,
      task: { sequence: before.sequence + 1, revision: before.revision + 1, spec: before.spec, createdAt: 0 },
    });
  });

  const refused = ROWS.filter(({ expected }) => typeof expected !== 'string');
  it.each(refused)('refuses: $command, $situation', ({ command, situation, expected }) => {
    const [kind, code, reason] = expected as Refusal;
    const error = refusalOf(() => run(command, situation));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject(reason === undefined ? { code } : { code, reason });
  });
});

describe('heartbeat', () => {
  it('keeps a processing task for its holder', () => {
    expect(heartbeat(TASK_IN.processing, HOLDER, NOW).state).toBe('processing');
  });

  const refusals: [Situation, string][] = [
    ['delayed', 'expired'],
    ['queued', 'expired'],
    ['delayedAgain', 'expired'],
    ['queuedAgain', 'expired'],
    ['completed', 'expired'],
    ['failed', 'expired'],
    ['cancelled', 'cancelled'],
    ['expired', 'expired'],
  ];
  it.each(refusals)('is refused when the task is %s: %s', (situation, reason) => {
    const error = refusalOf(() => heartbeat(TASKS[situation], HOLDER, NOW));
    expect(error).toBeInstanceOf(LeaseLost);
    expect(error).toMatchObject({ code: 'lease_lost', reason });
  });

  it('is refused to another lease than the current one', () => {
    const error = refusalOf(() => heartbeat(TASK_IN.processing, STRANGER, NOW));
    expect(error).toMatchObject({ code: 'lease_lost', reason: 'reassigned' });
  });
});

describe('create and claim', () => {
  it('begin the life of a task', () => {
    expect(create(spec({ delay: 1 }), NOW)).toMatchObject({ type: 'delayed', task: { state: 'delayed' } });
    expect(create(spec(), NOW)).toMatchObject({ type: 'queued', task: { state: 'queued' } });
    expect(claim(queuedTask(), grant(), NOW)).toMatchObject({
      type: 'processing',
      task: { state: 'processing' },
    });
  });
});

describe('requireFinished', () => {
  it.each(TASK_STATES.map((state) => [state]))('knows whether a %s task has ended', (state: TaskState) => {
    const task = TASK_IN[state];
    const error = refusalOf(() => requireFinished(task));
    if (isFinished(task)) return expect(error).toBeUndefined();
    expect(error).toBeInstanceOf(TaskNotFinished);
    expect(error).toMatchObject({ code: 'not_finished' });
  });
});

describe('isFinished', () => {
  it('is true of the four ended states', () => {
    const ended = TASK_STATES.filter((state) => isFinished(TASK_IN[state]));
    expect(ended).toEqual(['completed', 'failed', 'cancelled', 'expired']);
  });

  it.each(['delayed', 'queued', 'processing'] as const)('is false, not just empty, of %s', (state) => {
    expect(isFinished(TASK_IN[state])).toBe(false);
  });

  it('covers every state there is', () => {
    expect(TASK_STATES).toEqual([
      'delayed',
      'queued',
      'processing',
      'completed',
      'failed',
      'cancelled',
      'expired',
    ]);
    expect(Object.keys(TASK_IN)).toEqual([...TASK_STATES]);
  });
});

describe('a repeated report', () => {
  it('is refused once the next attempt has begun', () => {
    const second = processingTask({ attempt: 2, lease: { id: 'lease-2' }, last: lastAttempt() });
    expect(refusalOf(() => fail(second, { ...HOLDER, random: 0 }, NOW))).toMatchObject({
      reason: 'reassigned',
    });
  });
});
