import { buildMessage, ValidateBy } from 'class-validator';
import type { Instant } from '../task/clock.js';

/** The years that RFC 3339 can name, in UTC. An answer that tells of a moment is a moment that can be sent, too. */
const FIRST = Date.parse('0000-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');
const MOMENT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))$/;

/**
 * The moment that a text names: a date, a time and an offset, as RFC 3339 has them; seconds may be left out. `undefined`
 * for anything else, also for a day or a time that no calendar and no clock has: `Date.parse` would move the 29th of
 * February to the 1st of March. Every moment that somebody sends is read here.
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
  // Unlike Date.UTC, this does not take the year 99 for 1999.
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

/** A text that `parseMoment` reads. */
export function IsMoment(message?: string): PropertyDecorator {
  const usual = '$property must be a date, time and offset that exist, such as 2030-01-31T12:00:00Z';
  return ValidateBy({
    name: 'isMoment',
    constraints: [isMoment],
    validator: { validate: isMoment, defaultMessage: buildMessage(() => message ?? usual) },
  });
}
