import { type Due, dueAt, tick } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';
import { at, delayedTask, moment, processingTask, queuedTask, TASK_IN } from '../../support/task.builders.js';

const RETENTION = 86_400;

describe('dueAt', () => {
  const onWall = (time: number): Due => ({ at: time, scale: 'wall' });

  const cases: [string, Task, Due | undefined][] = [
    ['its start', delayedTask({ runAt: 5_000 }), onWall(5_000)],
    ['its start before its expiry', delayedTask({ runAt: 5_000, startBy: 6_000 }), onWall(5_000)],
    ['its expiry before its start', delayedTask({ runAt: 5_000, startBy: 4_000 }), onWall(4_000)],
    ['its expiry', queuedTask({ startBy: 4_000 }), onWall(4_000)],
    ['nothing', queuedTask(), undefined],
    ['the end of its lease', processingTask({ startBy: 4_000 }), { at: 61_000, scale: 'steady' }],
    ['the end of its retention', TASK_IN.completed, onWall(86_402_000)],
    ['the end of its retention', TASK_IN.failed, onWall(86_402_000)],
    ['the end of its retention', TASK_IN.cancelled, onWall(86_402_000)],
    ['the end of its retention', TASK_IN.expired, onWall(86_401_000)],
  ];
  it.each(cases.map(([deadline, task, due]) => ({ deadline, state: task.state, task, due })))(
    'of a $state task is $deadline',
    ({ task, due }) => {
      expect(dueAt(task, RETENTION)).toEqual(due);
    },
  );
});

describe('tick', () => {
  it('makes a delayed task ready when its start has come, not before', () => {
    const task = delayedTask({ runAt: 5_000, startBy: 5_001, attempt: 1, failures: 1 });
    expect(tick(task, at(4_999))).toBeUndefined();
    const { runAt, ...kept } = task;
    expect(tick(task, at(runAt))).toEqual({
      type: 'queued',
      at: 5_000,
      task: { ...kept, state: 'queued', queuedAt: 5_000, revision: 2, sequence: 2 },
    });
  });

  it('dates a late start by when it was found', () => {
    expect(tick(delayedTask(), at(7_777))).toMatchObject({ at: 7_777, task: { queuedAt: 7_777 } });
  });

  it.each([
    ['delayed', delayedTask({ runAt: 9_000, startBy: 5_000 })],
    ['queued', queuedTask({ startBy: 5_000 })],
  ])('expires a %s task when it was not started by its deadline, not before', (_, task) => {
    expect(tick(task, at(4_999))).toBeUndefined();
    expect(tick(task, at(5_000))).toEqual({
      type: 'expired',
      at: 5_000,
      task: {
        state: 'expired',
        spec: task.spec,
        createdAt: 0,
        revision: 2,
        sequence: 2,
        attempt: 0,
        failures: 0,
        interruptions: 0,
        startBy: 5_000,
        finishedAt: 5_000,
      },
    });
  });

  it('lets the expiry win when both have come', () => {
    expect(tick(delayedTask({ runAt: 5_000, startBy: 5_000 }), at(5_000))).toMatchObject({ type: 'expired' });
    expect(tick(delayedTask({ runAt: 5_000, startBy: 6_000 }), at(7_000))).toMatchObject({ type: 'expired' });
  });

  it('never expires a task that has no deadline', () => {
    expect(tick(queuedTask(), at(Number.MAX_SAFE_INTEGER))).toBeUndefined();
  });

  it('never expires a task that is being worked on', () => {
    expect(tick(processingTask({ startBy: 5_000 }), at(60_999))).toBeUndefined();
  });

  it('waits by the calendar', () => {
    expect(tick(delayedTask(), moment(4_999, 90_000))).toBeUndefined();
    expect(tick(queuedTask({ startBy: 5_000 }), moment(4_999, 90_000))).toBeUndefined();
    expect(tick(delayedTask(), moment(5_000, 0))).toMatchObject({ type: 'queued' });
    expect(tick(queuedTask({ startBy: 5_000 }), moment(5_000, 0))).toMatchObject({ type: 'expired' });
  });

  it.each([['completed'], ['failed'], ['cancelled'], ['expired']] as const)(
    'leaves a %s task alone',
    (state) => {
      expect(tick(TASK_IN[state], at(Number.MAX_SAFE_INTEGER))).toBeUndefined();
    },
  );
});

describe('dueAt and tick', () => {
  it.each([
    ['delayed', delayedTask()],
    ['delayed, to expire', delayedTask({ startBy: 3_000 })],
    ['queued', queuedTask({ startBy: 3_000 })],
    ['processing', processingTask()],
  ])('agree to the millisecond: %s', (_, task) => {
    const due = dueAt(task, RETENTION);
    if (!due) throw new Error('The task is never due');
    expect(tick(task, at(due.at - 1))).toBeUndefined();
    expect(tick(task, at(due.at))).toBeDefined();
  });
});
