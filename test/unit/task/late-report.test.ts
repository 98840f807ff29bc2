/** Reports without a lease_id, from workers that know none. */
import { claim, complete, fail, heartbeat, redrive, release, tick } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';
import {
  at,
  cancelledTask,
  delayedTask,
  failedTask,
  grant,
  lastAttempt,
  processingTask,
  queuedTask,
} from '../../support/task.builders.js';

const NOW = at(80_000);

/** Claimed once; the lease ran out at 61,000. */
const abandoned = (maxAttempts = 1) =>
  queuedTask({
    spec: { maxAttempts },
    attempt: 1,
    startedAt: 1_000,
    queuedAt: 61_000,
    interruptions: 1,
    last: lastAttempt({ outcome: 'lost' }),
  });

function taskAfter(step: { readonly task: Task } | undefined): Task {
  if (!step) throw new Error('The command changed nothing');
  return step.task;
}

describe('a late completion', () => {
  it('is accepted and recorded as the latest attempt', () => {
    expect(complete(abandoned(), {}, NOW)).toMatchObject({
      type: 'completed',
      task: { state: 'completed', attempt: 1, interruptions: 1, finishedAt: 80_000 },
      ended: { attempt: 1, workerId: 'worker-1', startedAt: 1_000, endedAt: 80_000, outcome: 'completed' },
    });
  });

  it('leaves no lease behind that could repeat it', () => {
    const task = taskAfter(complete(abandoned(), {}, NOW));
    expect(task.last).toEqual({ workerId: 'worker-1', outcome: 'completed' });
    expect(() => heartbeat(task, { leaseId: 'lease-1' }, NOW)).toThrow(
      expect.objectContaining({ code: 'lease_lost', reason: 'expired' }),
    );
  });

  it('is accepted while the task waits for its next attempt', () => {
    const waiting = delayedTask({ attempt: 1, startedAt: 1_000, failures: 1, last: lastAttempt() });
    expect(complete(waiting, {}, NOW)).toMatchObject({ type: 'completed', task: { failures: 1 } });
  });

  it("ends the attempt that is under way, and the holder's own then is a repetition", () => {
    const task = taskAfter(complete(processingTask(), {}, at(2_000)));
    expect(complete(task, { leaseId: 'lease-1' }, at(3_000))).toBeUndefined();
    expect(complete(task, {}, at(3_000))).toBeUndefined();
  });
});

describe('a late failure', () => {
  it('spends a failure', () => {
    expect(fail(abandoned(), { random: 0 }, NOW)).toMatchObject({
      type: 'failed',
      task: { failures: 1, interruptions: 1 },
    });
    expect(fail(abandoned(2), { random: 0 }, NOW)).toMatchObject({
      type: 'retrying',
      task: { state: 'delayed', runAt: 81_000, failures: 1, interruptions: 1 },
      ended: { attempt: 1, workerId: 'worker-1', outcome: 'failed' },
    });
  });

  it('is a repetition while the task waits, whatever the report calls it', () => {
    const waiting = taskAfter(fail(processingTask({ spec: { maxAttempts: 2 } }), { random: 0 }, at(2_000)));
    expect(waiting.state).toBe('delayed');
    expect(fail(waiting, { random: 0 }, at(2_500))).toBeUndefined();
    expect(fail(waiting, { random: 0, outcome: 'lost' }, at(2_500))).toBeUndefined();
    const ready = taskAfter(tick(waiting, at(3_000)));
    expect(ready.state).toBe('queued');
    expect(fail(ready, { random: 0 }, at(3_500))).toBeUndefined();
  });

  it('is a repetition on a dead letter', () => {
    expect(fail(failedTask(), { random: 0 }, NOW)).toBeUndefined();
    expect(fail(failedTask({ outcome: 'lost' }), { random: 0, outcome: 'lost' }, NOW)).toBeUndefined();
  });

  it('does not lose an attempt twice', () => {
    expect(fail(abandoned(), { random: 0, outcome: 'lost' }, NOW)).toBeUndefined();
    const reported = taskAfter(fail(processingTask(), { random: 0, outcome: 'lost' }, at(2_000)));
    expect(fail(reported, { random: 0, outcome: 'lost' }, at(2_500))).toBeUndefined();
  });

  it('counts after the task was given back', () => {
    const released = taskAfter(release(processingTask(), { leaseId: 'lease-1', delay: 9 }, at(2_000)));
    expect(fail(released, { random: 0 }, at(2_500))).toMatchObject({ type: 'failed', task: { failures: 1 } });
    expect(fail(released, { random: 0, outcome: 'lost' }, at(2_500))).toMatchObject({
      type: 'lost',
      task: { state: 'queued', interruptions: 1 },
    });
  });

  it('counts in the new budget after a redrive', () => {
    const redriven = redrive(cancelledTask({ failures: 1 }), at(3_000)).task;
    expect(fail(redriven, { random: 0 }, NOW)).toMatchObject({ type: 'failed', task: { failures: 1 } });
  });

  it('is no repetition once the next attempt has begun', () => {
    const waiting = queuedTask({ spec: { maxAttempts: 3 }, attempt: 1, failures: 1, last: lastAttempt() });
    const second = claim(waiting, grant({ leaseId: 'lease-2' }), at(3_000)).task;
    expect(fail(second, { random: 0 }, at(4_000))).toMatchObject({ type: 'retrying', task: { failures: 2 } });
  });
});

describe('a report with a lease, repeated', () => {
  it.each([
    ['after a retry was planned', 2],
    ['on the dead letter', 1],
  ])('changes nothing %s', (_, maxAttempts) => {
    const failure = { leaseId: 'lease-1', random: 0 };
    const task = taskAfter(fail(processingTask({ spec: { maxAttempts } }), failure, at(2_000)));
    expect(fail(task, failure, at(2_500))).toBeUndefined();
    expect(() => complete(task, { leaseId: 'lease-1' }, at(2_500))).toThrow(
      expect.objectContaining({ code: 'lease_lost', reason: 'expired' }),
    );
  });

  it('changes nothing on a completed task', () => {
    const task = taskAfter(complete(processingTask(), { leaseId: 'lease-1' }, at(2_000)));
    expect(complete(task, { leaseId: 'lease-1' }, at(2_500))).toBeUndefined();
  });
});
