import { claim, redrive, tick } from '../../../src/task/task.machine.js';
import {
  at,
  cancelledTask,
  expiredTask,
  failedTask,
  grant,
  moment,
  spec,
} from '../../support/task.builders.js';

const NOW = at(100_000);

describe('redrive', () => {
  it('resets both budgets and keeps the count of attempts, of transitions and the last error', () => {
    const task = failedTask({ attempt: 5, failures: 1, interruptions: 4, revision: 11, sequence: 9 });
    expect(redrive(task, NOW)).toEqual({
      type: 'queued',
      at: 100_000,
      task: {
        state: 'queued',
        spec: task.spec,
        createdAt: 0,
        queuedAt: 100_000,
        startedAt: 1_000,
        attempt: 5,
        failures: 0,
        interruptions: 0,
        revision: 12,
        sequence: 10,
        last: task.last,
      },
    });
  });

  it('leaves nothing of the end behind', () => {
    expect(redrive(cancelledTask({ reason: 'not needed' }), NOW).task).not.toHaveProperty('reason');
    expect(redrive(failedTask(), NOW).task).not.toHaveProperty('outcome');
    expect(redrive(failedTask(), NOW).task).not.toHaveProperty('finishedAt');
  });

  it.each([
    ['none', {}, undefined],
    ['a time to live, which counts again', { ttl: 2.5 }, 102_500],
    ['a fixed expiry ahead, which stays', { expiresAt: 100_001 }, 100_001],
    ['a fixed expiry that is now, which is dropped', { expiresAt: 100_000 }, undefined],
    ['a fixed expiry that has passed, which is dropped', { expiresAt: 1_000 }, undefined],
  ])('with a deadline to start: %s', (_, asked, startBy) => {
    const { task } = redrive(expiredTask({ spec: asked, startBy: 1_000 }), NOW);
    expect(task.startBy).toBe(startBy);
    expect(tick(task, NOW)).toBeUndefined();
  });

  it('follows the calendar', () => {
    const { task, at: time } = redrive(expiredTask({ spec: { ttl: 1 } }), moment(100_000, 7));
    expect(time).toBe(100_000);
    expect(task).toMatchObject({ queuedAt: 100_000, startBy: 101_000 });
  });

  it('runs at once, whatever delay the task once had', () => {
    expect(redrive(cancelledTask({ spec: spec({ delay: 3_600 }) }), NOW).task.state).toBe('queued');
  });

  it('lets the next attempt count on', () => {
    const { task } = redrive(failedTask({ attempt: 3 }), NOW);
    expect(claim(task, grant(), NOW).task.attempt).toBe(4);
  });
});
