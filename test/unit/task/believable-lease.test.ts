import { withBelievableLease } from '../../../src/task/task.machine.js';
import { completedTask, lease, moment, processingTask } from '../../support/task.builders.js';

const NOW = moment(1_000_000, 500_000);
const DAY = 86_400_000;

/** When the lease ends, after it was looked at. */
function endOf(overrides: Parameters<typeof lease>[0]): number | undefined {
  return withBelievableLease(processingTask({ lease: lease({ length: 60, ...overrides }) }), NOW)?.lease
    .expiresAt;
}

describe('a lease that was given by a clock that was ahead', () => {
  it('lasts from now as long as it was granted for', () => {
    const task = processingTask({
      lease: lease({ length: 60, startedAt: 5_000_000, expiresAt: 5_060_000 }),
    });
    expect(withBelievableLease(task, NOW)).toEqual({
      ...task,
      revision: task.revision + 1,
      lease: { ...task.lease, startedAt: NOW.wall, expiresAt: NOW.steady + 60_000 },
    });
  });

  it('keeps the time that heartbeats have added, up to a day', () => {
    expect(endOf({ startedAt: 5_000_000, expiresAt: 5_600_000 })).toBe(NOW.steady + 600_000);
    expect(endOf({ startedAt: 5_000_000, expiresAt: 5_000_000 + 3 * DAY })).toBe(NOW.steady + DAY);
  });

  it('is never made longer', () => {
    expect(endOf({ startedAt: 5_000_000, expiresAt: NOW.steady + 10 })).toBeUndefined();
  });
});

describe('a lease that was extended by a clock that was ahead', () => {
  it('lasts for its length from now when it ends later than any lease can', () => {
    expect(endOf({ startedAt: 900_000, expiresAt: NOW.steady + DAY + 1 })).toBe(NOW.steady + 60_000);
  });

  it('is believed otherwise', () => {
    expect(endOf({ startedAt: 900_000, expiresAt: NOW.steady + DAY })).toBeUndefined();
  });

  it('may last as long as the task says, where that is longer than a day', () => {
    const length = (2 * DAY) / 1_000;
    expect(endOf({ length, startedAt: 900_000, expiresAt: NOW.steady + 2 * DAY })).toBeUndefined();
    expect(endOf({ length, startedAt: 900_000, expiresAt: NOW.steady + 2 * DAY + 1 })).toBe(
      NOW.steady + 2 * DAY,
    );
  });
});

it('no other task has one', () => {
  expect(withBelievableLease(completedTask(), NOW)).toBeUndefined();
});
