import { CronTimes } from '../../../src/schedules/cron-times.js';
import { dueTimes } from '../../../src/schedules/due-times.js';
import type { CatchUp } from '../../../src/schedules/schedule.js';

const MINUTE = 60_000;

function due(catchUp: CatchUp, { cron = '* * * * *', since = 0, now = 0 }): number[] {
  return dueTimes(CronTimes.of(cron, 'UTC'), catchUp, { since, now });
}

describe('due times', () => {
  it.each(['skip', 'one', 'all'] as const)('are all on time while a process is up, with %s', (catchUp) => {
    expect(due(catchUp, { since: 0, now: MINUTE })).toEqual([MINUTE]);
    expect(due(catchUp, { since: MINUTE, now: MINUTE + 500 })).toEqual([]);
    // A process that stands still for some seconds misses nothing.
    expect(due(catchUp, { cron: '* * * * * *', since: 1_000, now: 4_200 })).toEqual([2_000, 3_000, 4_000]);
  });

  it('that were missed are skipped', () => {
    const now = 10 * MINUTE + 30_000;
    expect(due('skip', { now })).toEqual([]);
    expect(due('skip', { now: 10 * MINUTE + 2_000 })).toEqual([10 * MINUTE]);
  });

  it('that were missed become one', () => {
    expect(due('one', { now: 10 * MINUTE + 30_000 })).toEqual([10 * MINUTE]);
    expect(due('one', { now: 10 * MINUTE + 2_000 })).toEqual([9 * MINUTE, 10 * MINUTE]);
  });

  it('that were missed are all made up for, up to a thousand', () => {
    expect(due('all', { now: 3 * MINUTE + 30_000 })).toEqual([MINUTE, 2 * MINUTE, 3 * MINUTE]);
    const many = due('all', { now: 5_000 * MINUTE });
    expect(many).toHaveLength(1000);
    expect(many.at(-1)).toBe(5_000 * MINUTE);
    expect(many[0]).toBe(4_001 * MINUTE);
  });

  it('do not come again when the clock is set back', () => {
    expect(due('all', { since: 10 * MINUTE, now: 5 * MINUTE })).toEqual([]);
  });
});
