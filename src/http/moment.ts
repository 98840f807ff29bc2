import { buildMessage, ValidateBy } from 'class-validator';
import type { Instant } from '../task/clock.js';

/** The years that RFC 3339 supports, in UTC, so that every time in a response is valid in a request. */
const FIRST = Date.parse('0000-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');
const MOMENT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))$/;

/**
 * Parses a date, a time and an offset (RFC 3339); seconds are optional. `undefined` for other text and for dates and
 * times that do not exist: `Date.parse` would move 29 February to 1 March. All times from clients are parsed here.
 */
export function parseMoment(text: string): Instant | undefined {
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second = '0',
    fraction = '',
    sign,
    offsetHour = '0',
    offsetMinute = '0',
  ] = MOMENT.exec(text) ?? [];
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  const isOffset = Number(offsetHour) < 24 && Number(offsetMinute) < 60;
  if (!isTime || !isOffset) return undefined;
  const date = new Date(0);
  // Date.UTC would read the year 99 as 1999.
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  const moment = date.getTime() - (sign === '-' ? -offset : offset);
  return moment >= FIRST && moment <= LAST ? moment : undefined;
}

function isMoment(value: unknown): boolean {
  return typeof value === 'string' && parseMoment(value) !== undefined;
}

/** A text that `parseMoment` accepts. */
export function IsMoment(message?: string): PropertyDecorator {
  const usual = '$property must be a valid date and time with an offset, such as 2030-01-31T12:00:00Z';
  return ValidateBy({
    name: 'isMoment',
    constraints: [isMoment],
    validator: { validate: isMoment, defaultMessage: buildMessage(() => message ?? usual) },
  });
}
