/** How an attempt ends: completed, failed, given back or cancelled; what stays of it, and which budget it costs. */
import {
  complete,
  cancel,
  ERROR_EXCERPT_LENGTH,
  fail,
  heartbeat,
  release,
  tick,
} from '../../../src/task/task.machine.js';
import {
  at,
  delayedTask,
  lastAttempt,
  moment,
  processingTask,
  queuedTask,
} from '../../support/task.builders.js';

const NOW = at(31_000);
const HOLDER = { leaseId: 'lease-1' };
const FAILED = { ...HOLDER, random: 0 };

/** What every step out of the default processing task inherits. */
const INHERITED = { createdAt: 0, revision: 3, sequence: 3, attempt: 1, startedAt: 1_000 };

describe('complete', () => {
  it('ends the task and records the attempt', () => {
    const task = processingTask({ failures: 1, interruptions: 2, startBy: 5_000 });
    expect(complete(task, HOLDER, NOW)).toEqual({
      type: 'completed',
      at: 31_000,
      ended: { attempt: 1, workerId: 'worker-1', startedAt: 1_000, endedAt: 31_000, outcome: 'completed' },
      task: {
        ...INHERITED,
        spec: task.spec,
        state: 'completed',
        failures: 1,
        interruptions: 2,
        startBy: 5_000,
        finishedAt: 31_000,
        last: { leaseId: 'lease-1', workerId: 'worker-1', outcome: 'completed' },
      },
    });
  });

  it('is dated by the calendar', () => {
    const transition = complete(processingTask(), HOLDER, moment(77_000, 31_000));
    expect(transition).toMatchObject({
      at: 77_000,
      task: { finishedAt: 77_000 },
      ended: { endedAt: 77_000 },
    });
  });
});

describe('the record of an attempt', () => {
  const progress = { percent: 40, message: 'step 4' };

  it.each([
    ['failed', fail(processingTask(), { ...FAILED, cause: 'oom' }, NOW)],
    ['lost', fail(processingTask(), { ...FAILED, outcome: 'lost', cause: 'oom' }, NOW)],
    ['released', release(processingTask(), { leaseId: 'lease-1', cause: 'oom' }, NOW)],
  ])('has the cause, and so has the task: %s', (outcome, step) => {
    expect(step).toMatchObject({
      ended: { outcome, cause: 'oom' },
      task: { last: { outcome, cause: 'oom' } },
    });
  });

  it.each(['complete', 'fail', 'release', 'cancel', 'lease over'] as const)(
    'has the last progress: %s',
    (ending) => {
      const task = heartbeat(processingTask(), { leaseId: 'lease-1', progress }, at(2_000));
      const step = {
        complete: complete(task, HOLDER, NOW),
        fail: fail(task, FAILED, NOW),
        release: release(task, { leaseId: 'lease-1' }, NOW),
        cancel: cancel(task, undefined, NOW),
        'lease over': tick(task, at(99_000)),
      }[ending];
      expect(step?.ended?.progress).toEqual(progress);
    },
  );
});

describe('fail', () => {
  it('makes a dead letter with the last attempt', () => {
    const task = processingTask();
    const failure = { ...FAILED, error: 'exit 137', exitCode: 137 };
    expect(fail(task, failure, NOW)).toEqual({
      type: 'failed',
      at: 31_000,
      ended: {
        attempt: 1,
        workerId: 'worker-1',
        startedAt: 1_000,
        endedAt: 31_000,
        outcome: 'failed',
        error: 'exit 137',
        exitCode: 137,
      },
      task: {
        ...INHERITED,
        spec: task.spec,
        state: 'failed',
        outcome: 'failed',
        failures: 1,
        interruptions: 0,
        finishedAt: 31_000,
        last: {
          leaseId: 'lease-1',
          workerId: 'worker-1',
          outcome: 'failed',
          error: 'exit 137',
          exitCode: 137,
        },
      },
    });
  });

  it('waits for the next attempt while there is one', () => {
    const task = processingTask({ spec: { maxAttempts: 2 }, interruptions: 1 });
    expect(fail(task, FAILED, NOW)).toEqual({
      type: 'retrying',
      at: 31_000,
      ended: { attempt: 1, workerId: 'worker-1', startedAt: 1_000, endedAt: 31_000, outcome: 'failed' },
      task: {
        ...INHERITED,
        spec: task.spec,
        state: 'delayed',
        failures: 1,
        interruptions: 1,
        runAt: 32_000,
        since: 31_000,
        last: { leaseId: 'lease-1', workerId: 'worker-1', outcome: 'failed' },
      },
    });
  });

  it.each([
    { maxAttempts: 1, failures: 0, type: 'failed' },
    { maxAttempts: 2, failures: 0, type: 'retrying' },
    { maxAttempts: 2, failures: 1, type: 'failed' },
    { maxAttempts: 3, failures: 1, type: 'retrying' },
    { maxAttempts: 3, failures: 2, type: 'failed' },
  ])('with $failures of $maxAttempts failures before: $type', ({ maxAttempts, failures, type }) => {
    const transition = fail(processingTask({ spec: { maxAttempts }, failures }), FAILED, NOW);
    expect(transition).toMatchObject({ type, task: { failures: failures + 1 } });
  });

  it('skips the attempts that are left when a retry is no use', () => {
    const task = processingTask({ spec: { maxAttempts: 5 } });
    expect(fail(task, { ...FAILED, isRetryable: false }, NOW)).toMatchObject({ type: 'failed' });
    expect(fail(task, { ...FAILED, isRetryable: true }, NOW)).toMatchObject({ type: 'retrying' });
  });

  it('cannot be made retryable without attempts left', () => {
    expect(fail(processingTask(), { ...FAILED, isRetryable: true }, NOW)).toMatchObject({ type: 'failed' });
  });

  it.each([
    ['the backoff', { random: 0 }, { state: 'delayed', runAt: 39_000 }],
    ['the backoff with jitter', { random: 0.5 }, { state: 'delayed', runAt: 39_400 }],
    ['what the worker says', { random: 0.5, retryAfter: 2.5 }, { state: 'delayed', runAt: 33_500 }],
    [
      'nothing, when the worker says so',
      { random: 0.5, retryAfter: 0 },
      { state: 'queued', queuedAt: 31_000 },
    ],
  ])('waits for %s', (_, details, expected) => {
    const task = processingTask({ spec: { maxAttempts: 5 }, failures: 3 });
    const transition = fail(task, { ...HOLDER, ...details }, NOW);
    expect(transition).toMatchObject({ type: 'retrying', task: expected });
  });

  it('is queued at once when the backoff is nothing', () => {
    const backoff = { type: 'fixed', delay: 0, maxDelay: 0, jitter: 1 } as const;
    const task = processingTask({ spec: { maxAttempts: 2, backoff } });
    expect(fail(task, { ...FAILED, random: 0.9 }, NOW)).toMatchObject({
      type: 'retrying',
      task: { state: 'queued', queuedAt: 31_000 },
    });
  });

  it('waits by the calendar', () => {
    const task = processingTask({ spec: { maxAttempts: 2 } });
    expect(fail(task, FAILED, moment(77_000, 31_000))).toMatchObject({ at: 77_000, task: { runAt: 78_000 } });
  });
});

describe('a lost attempt', () => {
  const REPORTED = { ...FAILED, outcome: 'lost', error: 'no disk', exitCode: 1 } as const;

  it.each([
    ['reported', { error: 'no disk', exitCode: 1 }],
    ['found by time', {}],
  ])('goes straight back to the queue: %s', (how, details) => {
    const task = processingTask({ failures: 0, spec: { maxAttempts: 2 } });
    const now = at(how === 'reported' ? 31_000 : 61_000);
    const transition = how === 'reported' ? fail(task, REPORTED, now) : tick(task, now);
    expect(transition).toEqual({
      type: 'lost',
      at: now.wall,
      ended: {
        attempt: 1,
        workerId: 'worker-1',
        startedAt: 1_000,
        endedAt: now.wall,
        outcome: 'lost',
        ...details,
      },
      task: {
        ...INHERITED,
        spec: task.spec,
        state: 'queued',
        queuedAt: now.wall,
        failures: 0,
        interruptions: 1,
        interruptedAt: now.wall,
        last: { leaseId: 'lease-1', workerId: 'worker-1', outcome: 'lost', ...details },
      },
    });
  });

  const BUDGET = [
    { maxInterruptions: 0, interruptions: 0, type: 'failed', state: 'failed' },
    { maxInterruptions: 1, interruptions: 0, type: 'lost', state: 'queued' },
    { maxInterruptions: 1, interruptions: 1, type: 'failed', state: 'failed' },
    { maxInterruptions: 3, interruptions: 2, type: 'lost', state: 'delayed' },
    { maxInterruptions: 3, interruptions: 3, type: 'failed', state: 'failed' },
  ];
  it.each(BUDGET)(
    'with $interruptions of $maxInterruptions interruptions before: $type',
    ({ maxInterruptions, interruptions, type, state }) => {
      const task = processingTask({ spec: { maxInterruptions }, interruptions });
      const expected = { type, task: { state, interruptions: interruptions + 1, failures: 0 } };
      expect(fail(task, REPORTED, NOW)).toMatchObject(expected);
      expect(tick(task, at(61_000))).toMatchObject(expected);
    },
  );

  it('makes a dead letter that says which budget ran out', () => {
    const task = processingTask({ spec: { maxInterruptions: 0 } });
    expect(tick(task, moment(77_000, 61_000))).toMatchObject({
      at: 77_000,
      task: { state: 'failed', outcome: 'lost', finishedAt: 77_000, last: { outcome: 'lost' } },
      ended: { outcome: 'lost', endedAt: 77_000 },
    });
  });

  it('spends no failure and is retried even when failures are not', () => {
    const transition = fail(processingTask(), { ...REPORTED, isRetryable: false }, NOW);
    expect(transition).toMatchObject({ type: 'lost', task: { state: 'queued', failures: 0 } });
  });
});

describe('release', () => {
  it('gives the task back and spends no budget', () => {
    const task = processingTask({ failures: 1, interruptions: 2, startBy: 90_000 });
    expect(release(task, { ...HOLDER, reason: 'shutting down' }, NOW)).toEqual({
      type: 'released',
      at: 31_000,
      ended: {
        attempt: 1,
        workerId: 'worker-1',
        startedAt: 1_000,
        endedAt: 31_000,
        outcome: 'released',
        error: 'shutting down',
      },
      task: {
        ...INHERITED,
        spec: task.spec,
        state: 'queued',
        queuedAt: 31_000,
        startBy: 90_000,
        failures: 1,
        interruptions: 2,
        last: {
          leaseId: 'lease-1',
          workerId: 'worker-1',
          outcome: 'released',
          error: 'shutting down',
        },
      },
    });
  });

  it.each([
    ['at once', {}, { state: 'queued', queuedAt: 31_000 }],
    ['at once with a delay of nothing', { delay: 0 }, { state: 'queued', queuedAt: 31_000 }],
    ['after a delay', { delay: 0.5 }, { state: 'delayed', runAt: 31_500 }],
  ])('makes it ready %s', (_, given, expected) => {
    const transition = release(processingTask(), { ...HOLDER, ...given }, NOW);
    expect(transition).toMatchObject({ type: 'released', task: expected });
  });

  it('is a repetition the second time, in the queue and in the delay', () => {
    for (const delay of [0, 5]) {
      const given = { ...HOLDER, delay };
      const released = release(processingTask(), given, NOW);
      expect(released && release(released.task, given, at(32_000))).toBeUndefined();
    }
  });
});

describe('cancel', () => {
  it('ends the attempt of whoever holds the task', () => {
    const task = processingTask({ failures: 1, interruptions: 1 });
    expect(cancel(task, 'not needed', NOW)).toEqual({
      type: 'cancelled',
      at: 31_000,
      ended: {
        attempt: 1,
        workerId: 'worker-1',
        startedAt: 1_000,
        endedAt: 31_000,
        outcome: 'cancelled',
        error: 'not needed',
      },
      task: {
        ...INHERITED,
        spec: task.spec,
        state: 'cancelled',
        reason: 'not needed',
        finishedAt: 31_000,
        failures: 1,
        interruptions: 1,
        last: { leaseId: 'lease-1', workerId: 'worker-1', outcome: 'cancelled', error: 'not needed' },
      },
    });
  });

  it('works on a lease that is over and was not found yet', () => {
    expect(cancel(processingTask(), undefined, at(90_000))).toMatchObject({ type: 'cancelled' });
  });

  it.each([
    ['queued', queuedTask({ attempt: 1, startedAt: 1_000, last: lastAttempt() })],
    ['delayed', delayedTask({ attempt: 1, startedAt: 1_000, last: lastAttempt() })],
  ])('keeps what the attempt before left, and ends none: %s', (_, task) => {
    const transition = cancel(task, undefined, NOW);
    expect(transition?.ended).toBeUndefined();
    expect(transition?.task).toMatchObject({ finishedAt: 31_000, last: lastAttempt() });
  });
});

describe('the error of an attempt', () => {
  const failWith = (error: string) => fail(processingTask(), { ...FAILED, error }, NOW);

  it('is kept whole up to the length of an excerpt', () => {
    const error = 'e'.repeat(ERROR_EXCERPT_LENGTH);
    const transition = failWith(error);
    expect(transition?.ended?.error).toBe(error);
    expect(transition?.task.last).toEqual({
      leaseId: 'lease-1',
      workerId: 'worker-1',
      outcome: 'failed',
      error,
    });
  });

  it('is cut in the task and whole in the history when it is longer', () => {
    const error = 'e'.repeat(ERROR_EXCERPT_LENGTH) + 'x';
    const transition = failWith(error);
    expect(transition?.ended?.error).toBe(error);
    expect(transition?.task.last).toMatchObject({ error: 'e'.repeat(1_000), isErrorCut: true });
  });

  it('is never cut within a character', () => {
    const cut = failWith('e'.repeat(ERROR_EXCERPT_LENGTH - 1) + '😀');
    expect(cut?.task.last).toMatchObject({ error: 'e'.repeat(999), isErrorCut: true });
    const whole = failWith('e'.repeat(ERROR_EXCERPT_LENGTH - 2) + '😀x');
    expect(whole?.task.last?.error).toBe('e'.repeat(998) + '😀');
    const early = failWith('😀' + 'e'.repeat(ERROR_EXCERPT_LENGTH));
    expect(early?.task.last?.error).toBe('😀' + 'e'.repeat(998));
  });

  it('can be empty', () => {
    expect(failWith('')?.task.last).toMatchObject({ error: '' });
  });
});

describe('the worker of an attempt', () => {
  it('is unknown when it did not say who it is, whoever had the task before', () => {
    const task = processingTask({
      lease: { workerId: undefined },
      last: lastAttempt({ workerId: 'worker-0' }),
    });
    const transition = complete(task, HOLDER, NOW);
    expect(transition?.ended?.workerId).toBeUndefined();
    expect(transition?.task.last?.workerId).toBeUndefined();
  });
});
