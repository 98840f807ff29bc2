/** The deadline over all attempts of a task. */
import {
  claim,
  create,
  dueAt,
  fail,
  grantLease,
  heartbeat,
  leaseEnd,
  redrive,
  tick,
  withPlausibleLease,
  withPlausibleWait,
} from '../../../src/task/task.machine.js';
import type { QueuedTask } from '../../../src/task/task.js';
import { LeaseLost } from '../../../src/task/task.errors.js';
import { at, failedTask, grant, moment, processingTask, spec } from '../../support/task.builders.js';

const GRANT = grant({ lease: 30 });

/** A task that was claimed at 1,000 and must be over at 20,000. */
const held = processingTask({
  deadlineAt: 20_000,
  startBy: 20_000,
  lease: grantLease({ timeout: 30, deadlineAt: 20_000 }, GRANT, at(1_000)),
});

describe('a task with a deadline', () => {
  it.each([
    [{ deadline: 20 }, 20_000, 20_000],
    [{ deadlineAt: 15_000 }, 15_000, 15_000],
    [{ deadline: 20, ttl: 5 }, 20_000, 5_000],
    [{ deadlineAt: 15_000, expiresAt: 99_000 }, 15_000, 15_000],
    [{ ttl: 5 }, undefined, 5_000],
  ])('%j must be over at %p and start by %p', (fields, deadlineAt, startBy) => {
    const { task } = create(spec(fields), at(0));
    expect([task.deadlineAt, task.startBy]).toEqual([deadlineAt, startBy]);
  });

  it.each([{}, { delay: 60 }])('expires while it waits: %j', (fields) => {
    const { task } = create(spec({ deadline: 20, ...fields }), at(0));
    expect(dueAt(task, 60)).toEqual({ at: 20_000, scale: 'wall' });
    expect(tick(task, at(19_999))).toBeUndefined();
    expect(tick(task, at(20_000))).toMatchObject({ type: 'expired', task: { state: 'expired' } });
  });

  it('expires at the deadline when its backoff is longer', () => {
    const failure = { leaseId: held.lease.id, random: 0, retryAfter: 60 };
    const waiting = fail({ ...held, spec: spec({ maxAttempts: 2 }) }, failure, at(5_000));
    expect(waiting && dueAt(waiting.task, 60)).toEqual({ at: 20_000, scale: 'wall' });
    expect(waiting && tick(waiting.task, at(20_000))?.type).toBe('expired');
  });

  it('is leased no longer than its deadline', () => {
    expect(held.lease).toMatchObject({ length: 30, expiresAt: 20_000, remaining: 19 });
    expect(leaseEnd(held.lease)).toBe(20_000);
    const shorter = grantLease({ timeout: 30, deadlineAt: 40_000 }, GRANT, at(1_000));
    expect(shorter).toEqual(grantLease({ timeout: 30 }, GRANT, at(1_000)));
    const beaten = heartbeat(held, { leaseId: held.lease.id, extend: 3600 }, at(15_000));
    expect(beaten.lease).toMatchObject({ expiresAt: 20_000, remaining: 5 });
    expect(dueAt(beaten, 60)).toEqual({ at: 20_000, scale: 'steady' });
  });

  it('follows the wall clock after it was set', () => {
    const now = moment(10_000, 500_000);
    const beaten = heartbeat(
      { ...held, lease: { ...held.lease, expiresAt: 510_000 } },
      { leaseId: held.lease.id },
      now,
    );
    expect(beaten.lease.expiresAt).toBe(510_000);
    expect(withPlausibleLease(beaten, now)).toBeUndefined();
    expect(tick(beaten, moment(20_000, 510_000))).toMatchObject({ task: { outcome: 'deadline' } });
  });

  it('loses its lease at the deadline and fails, and spends no budget', () => {
    expect(tick(held, at(19_999))).toBeUndefined();
    expect(tick(held, at(20_000))).toMatchObject({
      type: 'failed',
      ended: { outcome: 'deadline', endedAt: 20_000 },
      task: {
        state: 'failed',
        outcome: 'deadline',
        failures: 0,
        interruptions: 0,
        last: { outcome: 'deadline' },
      },
    });
    expect(() => heartbeat(held, { leaseId: held.lease.id }, at(20_000))).toThrow(LeaseLost);
  });

  it('is lost like any other when its lease ends before the deadline', () => {
    const lease = grantLease({ timeout: 30, deadlineAt: 20_000 }, grant({ lease: 5 }), at(1_000));
    expect(tick({ ...held, lease }, at(6_000))).toMatchObject({ type: 'lost', task: { interruptions: 1 } });
  });

  it.each([
    [{ deadline: 20 }, 120_000],
    [{ deadlineAt: 150_000 }, 150_000],
    [{ deadlineAt: 50_000 }, undefined],
  ])('redriven at 100,000: %j leaves until %p', (fields, deadlineAt) => {
    const { task } = redrive(failedTask({ spec: fields, deadlineAt: 20_000 }), at(100_000));
    expect([task.deadlineAt, task.startBy]).toEqual([deadlineAt, deadlineAt]);
    expect(claim(task, GRANT, at(100_000)).task.deadlineAt).toBe(deadlineAt);
  });

  it('starts again when a clock that ran ahead has set it', () => {
    const { task } = create(spec({ deadline: 20 }), at(9_000_000));
    const believed = withPlausibleWait(task, at(1_000)) as QueuedTask;
    expect([believed.deadlineAt, believed.startBy]).toEqual([21_000, 21_000]);
    expect(withPlausibleWait(believed, at(1_000))).toBeUndefined();
  });
});
