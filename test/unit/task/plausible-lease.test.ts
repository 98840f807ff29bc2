import { grantLease, heartbeat, leaseEnd, withPlausibleLease } from '../../../src/task/task.machine.js';
import { completedTask, lease, moment, processingTask } from '../../support/task.builders.js';

const NOW = moment(1_000_000, 500_000);
const AHEAD = 5_000_000;
const HOUR = 3_600_000;

/** When the lease ends, after it was looked at; `undefined` when it is believed. */
function endOf(overrides: Parameters<typeof lease>[0], now = NOW): number | undefined {
  return withPlausibleLease(processingTask({ lease: lease({ length: 60, ...overrides }) }), now)?.lease
    .expiresAt;
}

describe('a lease that was given by a clock that was ahead', () => {
  it('lasts from now as long as it was granted for', () => {
    const task = processingTask({
      lease: lease({ length: 60, startedAt: AHEAD, expiresAt: AHEAD + 60_000 }),
    });
    expect(withPlausibleLease(task, NOW)).toEqual({
      ...task,
      revision: task.revision + 1,
      lease: {
        ...task.lease,
        startedAt: NOW.wall,
        expiresAt: NOW.steady + 60_000,
        beatAt: NOW.wall,
        remaining: 60,
      },
    });
  });

  it('keeps the time that its last heartbeat has given it', () => {
    const beaten = { startedAt: AHEAD, beatAt: AHEAD + 500_000, remaining: 600 };
    expect(endOf({ ...beaten, expiresAt: AHEAD + 1_100_000 })).toBe(NOW.steady + 600_000);
  });

  it('is never made longer', () => {
    expect(endOf({ startedAt: AHEAD, expiresAt: NOW.steady + 10 })).toBeUndefined();
  });
});

describe('a lease that was extended by a clock that was ahead', () => {
  it('lasts from now as long as the heartbeat has given it', () => {
    const beaten = { startedAt: 900_000, beatAt: AHEAD, expiresAt: AHEAD + 60_000 };
    expect(endOf(beaten)).toBe(NOW.steady + 60_000);
    expect(endOf({ ...beaten, remaining: 600, expiresAt: AHEAD + 600_000 })).toBe(NOW.steady + 600_000);
  });

  it('lasts a day at most where an earlier version did not record the heartbeat', () => {
    expect(endOf({ startedAt: 900_000, expiresAt: 900_000 + 48 * HOUR })).toBe(NOW.steady + 24 * HOUR);
    expect(endOf({ startedAt: 900_000, expiresAt: 1_600_000 }, moment(1_000_000, 1_000_000))).toBeUndefined();
  });
});

describe('a lease that was given on a scale of its own', () => {
  const sameScale = moment(1_000_000, 1_000_000);

  it('lasts no longer than it was given for when that scale was ahead', () => {
    expect(endOf({ startedAt: 990_000, beatAt: 990_000, expiresAt: 1_050_000 + HOUR }, sameScale)).toBe(
      1_060_000,
    );
  });

  it('ends when the wall says when that scale was behind', () => {
    expect(endOf({ startedAt: 990_000, beatAt: 990_000, expiresAt: 1_050_000 - HOUR }, sameScale)).toBe(
      1_050_000,
    );
  });

  it('is believed where the wall was set since and the scale goes on', () => {
    const later = moment(1_000_000 + HOUR, 1_000_000);
    expect(endOf({ startedAt: 990_000, expiresAt: 1_050_000 }, later)).toBeUndefined();
  });
});

it('a claim notes when it came where the wall clock was set since the store opened', () => {
  const grant = { leaseId: 'l', grace: 30 };
  expect(grantLease({ timeout: 30 }, grant, moment(9_000, 500_000))).toMatchObject({
    startedAt: 9_000,
    beatAt: 9_000,
  });
  expect(grantLease({ timeout: 30 }, grant, moment(9_000, 9_000)).beatAt).toBeUndefined();
});

it('a heartbeat notes when it came and how long the lease lasts from then on', () => {
  const task = processingTask({ lease: lease({ length: 60, startedAt: 1_000, expiresAt: 561_000 }) });
  const beat = { leaseId: task.lease.id };
  expect(heartbeat(task, beat, moment(9_000, 500_000)).lease).toMatchObject({ beatAt: 9_000, remaining: 61 });
  expect(heartbeat(task, beat, moment(9_000, 501_000)).lease.remaining).toBeUndefined();
  const extended = heartbeat(task, { ...beat, extend: 300 }, moment(9_000, 500_000));
  expect(extended.lease).toMatchObject({ expiresAt: 800_000, remaining: 300 });
  expect(leaseEnd(extended.lease)).toBe(309_000);
});

it('no other task has one', () => {
  expect(withPlausibleLease(completedTask(), NOW)).toBeUndefined();
});
