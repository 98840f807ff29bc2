import { CRON, CronTimes, isTimeZone } from '../../../src/schedules/cron-times.js';

function instants(...texts: readonly string[]): number[] {
  return texts.map((text) => Date.parse(text));
}

describe('the due times of a cron expression', () => {
  it('are whole seconds with six fields, and whole minutes with five', () => {
    const from = Date.parse('2026-01-01T00:00:00.250Z');
    expect(CronTimes.of('*/20 * * * * *', 'UTC').next(3, from)).toEqual(
      instants('2026-01-01T00:00:20Z', '2026-01-01T00:00:40Z', '2026-01-01T00:01:00Z'),
    );
    expect(CronTimes.of('*/20 * * * *', 'UTC').next(2, from)).toEqual(
      instants('2026-01-01T00:20:00Z', '2026-01-01T00:40:00Z'),
    );
  });

  it('are after the instant they are asked for, never at it', () => {
    const due = Date.parse('2026-01-01T03:00:00Z');
    expect(CronTimes.of('0 3 * * *', 'UTC').after(due)).toBe(Date.parse('2026-01-02T03:00:00Z'));
    expect(CronTimes.of('0 3 * * *', 'UTC').after(due - 1)).toBe(due);
  });

  it('follow the clocks of the time zone', () => {
    const march = Date.parse('2026-03-28T12:00:00Z');
    // 02:30 does not exist on the 29th, so it is due at 03:00, when the clocks have changed.
    expect(CronTimes.of('30 2 * * *', 'Europe/Berlin').next(2, march)).toEqual(
      instants('2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'),
    );
    const october = Date.parse('2026-10-24T12:00:00Z');
    // 02:30 comes twice on the 25th and is due once.
    expect(CronTimes.of('30 2 * * *', 'Europe/Berlin').next(2, october)).toEqual(
      instants('2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'),
    );
  });

  it.each(['30 2 * * *', '*/20 * * * *', '15 1,2,3 * * *', '0 */2 * * *'])(
    'are the same when looked for backwards: %s',
    (expression) => {
      const times = CronTimes.of(expression, 'Europe/Berlin');
      for (const day of ['2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z']) {
        const since = Date.parse(day);
        const until = since + 3 * 86_400_000;
        const forwards: number[] = [];
        for (let due = times.after(since); due !== undefined && due <= until; due = times.after(due)) {
          forwards.push(due);
        }
        expect(times.between(since, until, 10_000)).toEqual(forwards);
        expect(times.between(since, until, 3)).toEqual(forwards.slice(-3));
      }
    },
  );

  it('include the end of a span and not its beginning', () => {
    const times = CronTimes.of('* * * * * *', 'UTC');
    expect(times.between(1_000, 3_000, 10)).toEqual([2_000, 3_000]);
    expect(times.between(1_000, 2_999, 10)).toEqual([2_000]);
    expect(times.between(999, 1_000, 10)).toEqual([1_000]);
    expect(times.between(1_000, 1_000, 10)).toEqual([]);
  });

  it('may not come at all', () => {
    expect(CronTimes.of('0 0 30 2 *', 'UTC').after(0)).toBeUndefined();
  });
});

describe('a cron expression', () => {
  it.each(['* * * * *', '*/5 0-23 1,2 * MON-FRI', '0 0 3 L * *', '0 12 * * 5#2', '@daily'])(
    'may be %s',
    (text) => {
      expect(text).toMatch(CRON);
      expect(CronTimes.of(text, 'UTC').after(0)).toEqual(expect.any(Number));
    },
  );

  it.each([
    '',
    '* * * *',
    '* * * * * * *',
    '2030-01-01T00:00:00',
    '? * * * *',
    '@reboot',
    '*  * * * *',
    ' * * * * *',
  ])('is not %j', (text) => {
    expect(text).not.toMatch(CRON);
  });

  it.each(['61 * * * *', '*/0 * * * *', 'x * * * *', '5-1-2 * * * *'])(
    'has no due times when it is %s',
    (text) => {
      expect(text).toMatch(CRON);
      expect(() => CronTimes.of(text, 'UTC')).toThrow();
    },
  );
});

it('knows time zones by name', () => {
  expect(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'].map(isTimeZone)).toEqual([
    true,
    true,
    true,
  ]);
  expect(['Mars/Base', '', '../../etc/passwd'].map(isTimeZone)).toEqual([false, false, false]);
});
