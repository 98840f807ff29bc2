import fc from 'fast-check';
import { CronTimes } from '../../../src/schedules/cron-times.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Zones with the instants of changes of their clocks: by an hour, by half of one, at midnight, and twice a month. */
const CHANGES = {
  'Europe/Berlin': ['2027-03-28T01:00:00Z', '2027-10-31T01:00:00Z'],
  'Europe/Lisbon': ['2027-03-28T01:00:00Z', '2027-10-31T01:00:00Z'],
  'America/New_York': ['2027-03-14T07:00:00Z', '2027-11-07T06:00:00Z'],
  'America/St_Johns': ['2027-03-14T05:30:00Z', '2027-11-07T04:30:00Z'],
  'America/Havana': ['2027-03-14T05:00:00Z', '2027-11-07T05:00:00Z'],
  'America/Sao_Paulo': ['2018-11-04T03:00:00Z', '2019-02-17T02:00:00Z'],
  'Atlantic/Azores': ['2027-03-28T01:00:00Z', '2027-10-31T01:00:00Z'],
  'Australia/Sydney': ['2027-04-03T16:00:00Z', '2027-10-02T16:00:00Z'],
  'Australia/Lord_Howe': ['2027-04-03T15:00:00Z', '2027-10-02T15:30:00Z'],
  'Africa/Casablanca': ['2027-02-07T02:00:00Z', '2027-03-14T02:00:00Z'],
  'Asia/Beirut': ['2027-03-27T22:00:00Z', '2027-10-30T21:00:00Z'],
  UTC: ['2027-03-28T01:00:00Z'],
} as const;

/** A minute of the calendar of a zone, and the instants at which its clocks show it. */
interface LocalMinute {
  readonly hour: number;
  readonly minute: number;
  readonly instants: readonly number[];
  /** When the clocks show something for the first time that is not before it. */
  readonly reachedAt: number;
}

/** The calendar around a change, by asking the clocks at each minute. */
function calendarOf(zone: string, change: number): readonly LocalMinute[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const shown = new Map<number, number[]>();
  const reached: { readonly local: number; readonly at: number }[] = [];
  for (let at = change - 9 * HOUR; at < change + 9 * HOUR; at += MINUTE) {
    const parts = Object.fromEntries(
      format.formatToParts(at).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts;
    const local = Date.UTC(year, month - 1, day, hour, minute);
    shown.set(local, [...(shown.get(local) ?? []), at]);
    if (local > (reached.at(-1)?.local ?? -Infinity)) reached.push({ local, at });
  }
  const calendar: LocalMinute[] = [];
  let next = 0;
  const [first, last] = [reached[0]?.local ?? 0, reached.at(-1)?.local ?? 0];
  for (let local = first; local <= last; local += MINUTE) {
    while ((reached[next]?.local ?? Infinity) < local) next += 1;
    const date = new Date(local);
    calendar.push({
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      instants: shown.get(local) ?? [],
      reachedAt: reached[next]?.at ?? Infinity,
    });
  }
  return calendar;
}

const calendars = new Map<string, readonly LocalMinute[]>();

function calendarAround(zone: string, change: string): readonly LocalMinute[] {
  const key = `${zone} ${change}`;
  const calendar = calendars.get(key) ?? calendarOf(zone, Date.parse(change));
  calendars.set(key, calendar);
  return calendar;
}

interface Part {
  readonly text: string;
  readonly values: readonly number[];
  /** A star: it names no times, but how they recur. */
  readonly recurs: boolean;
}

/** @param below the numbers that are written out are below it */
function part(size: number, below = size): fc.Arbitrary<Part> {
  const value = fc.integer({ min: 0, max: below - 1 });
  const all = Array.from({ length: size }, (_, index) => index);
  const range = fc.tuple(value, value).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  return fc.oneof(
    value.map((one) => ({ text: String(one), values: [one], recurs: false })),
    fc.array(value, { minLength: 2, maxLength: 4 }).map((list) => ({
      text: list.join(','),
      values: list,
      recurs: false,
    })),
    range.map(([from, to]) => ({ text: `${from}-${to}`, values: all.slice(from, to + 1), recurs: false })),
    fc.tuple(range, fc.integer({ min: 1, max: size })).map(([[from, to], step]) => ({
      text: `${from}-${to}/${step}`,
      values: all.slice(from, to + 1).filter((each) => (each - from) % step === 0),
      recurs: false,
    })),
    fc.tuple(range, value).map(([[from, to], one]) => ({
      text: `${from}-${to},${one}`,
      values: [...all.slice(from, to + 1), one],
      recurs: false,
    })),
    fc.constant({ text: '*', values: all, recurs: true }),
    fc.integer({ min: 1, max: size }).map((step) => ({
      text: `*/${step}`,
      values: all.filter((each) => each % step === 0),
      recurs: true,
    })),
  );
}

/** Hours around which clocks change come more often than the others. */
const hours = fc.oneof(part(24), part(24, 5));

function expected(calendar: readonly LocalMinute[], minute: Part, hour: Part): number[] {
  const named = calendar.filter(
    (each) => minute.values.includes(each.minute) && hour.values.includes(each.hour),
  );
  const due =
    minute.recurs || hour.recurs
      ? named.flatMap(({ instants }) => instants)
      : named.map(({ instants, reachedAt }) => instants[0] ?? reachedAt);
  return [...new Set(due)].toSorted((a, b) => a - b);
}

describe('the due times of a cron expression where clocks change', () => {
  const places = Object.entries(CHANGES).flatMap(([zone, changes]) =>
    changes.map((change) => ({ zone, change })),
  );

  it('are those that a calendar of every minute gives, forwards and backwards', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), part(60), hours, ({ zone, change }, minute, hour) => {
        const calendar = calendarAround(zone, change);
        // The calendar reaches further, so that nothing is cut at its ends.
        const [since, until] = [Date.parse(change) - 4 * HOUR, Date.parse(change) + 4 * HOUR];
        const wanted = expected(calendar, minute, hour).filter((due) => due > since && due <= until);
        const times = CronTimes.of(`${minute.text} ${hour.text} * * *`, zone);
        const found = times.next(wanted.length + 1, since).filter((due) => due <= until);
        expect(found.map(iso)).toEqual(wanted.map(iso));
        expect(times.between(since, until, 10_000).map(iso)).toEqual(wanted.map(iso));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['0 2,14 31 10 *', '2027-10-30T12:00:00Z', ['2027-10-31T00:00:00Z', '2027-10-31T13:00:00Z']],
    ['0 2-14/12 31 10 *', '2027-10-30T12:00:00Z', ['2027-10-31T00:00:00Z', '2027-10-31T13:00:00Z']],
    ['0 2-3 31 10 *', '2027-10-30T12:00:00Z', ['2027-10-31T00:00:00Z', '2027-10-31T02:00:00Z']],
    ['15,45 2 28 3 *', '2027-03-27T12:00:00Z', ['2027-03-28T01:00:00Z', '2028-03-28T00:15:00Z']],
    ['0 2,3 28 3 *', '2027-03-27T12:00:00Z', ['2027-03-28T01:00:00Z', '2028-03-28T00:00:00Z']],
  ])('are each due once: %s in Berlin', (expression, from, due) => {
    const times = CronTimes.of(expression, 'Europe/Berlin').next(due.length, Date.parse(from));
    expect(times).toEqual(due.map((time) => Date.parse(time)));
  });
});

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
