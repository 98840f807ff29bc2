import { InvalidArgumentError } from 'commander';
import { JsonText, type TaskInput } from '../client/index.js';

/** Parsers of option values. @throws InvalidArgumentError for a wrong value */

export function integer(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('Must be a whole number.');
  return Number(text);
}

export function positive(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError('Must be 1 or more.');
  return value;
}

export function natural(text: string): number {
  const value = integer(text);
  if (value < 0) throw new InvalidArgumentError('Must be 0 or more.');
  return value;
}

export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0) || value === Number.POSITIVE_INFINITY)
    throw new InvalidArgumentError('Must be a number of seconds.');
  return value;
}

/** The length of a repeated pause. */
export function period(text: string): number {
  const value = seconds(text);
  if (value === 0) throw new InvalidArgumentError('Must be more than 0 seconds.');
  return value;
}

export function pairs(text: string): Record<string, string> {
  const entries = list(text).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('Must be name=value, separated by commas.');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

export function weights(text: string): Record<string, number> {
  return Object.fromEntries(Object.entries(pairs(text)).map(([queue, weight]) => [queue, integer(weight)]));
}

export function list(text: string): string[] {
  return text.split(',').filter((each) => each !== '');
}

/** A setting of a queue: `none` removes it, so it becomes JSON's null. Commander takes null itself for no value. */
export function orNone(parse: (text: string) => unknown) {
  return (text: string): JsonText =>
    new JsonText(text === 'none' || text === 'null' ? 'null' : JSON.stringify(parse(text)));
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600 };

/** A rate: `10/s`, `100/min`, or tasks per seconds, such as `5/0.5`. */
export function rate(text: string): { tasks: number; per: number } {
  const [, tasks, per = ''] = /^(\d+)\/(\S+)$/.exec(text) ?? [];
  const length = SECONDS[per] ?? Number(per || Number.NaN);
  if (tasks === undefined || !(length > 0))
    throw new InvalidArgumentError('Must be tasks per seconds, such as 10/s, 100/min or 5/0.5.');
  return { tasks: Number(tasks), per: length };
}

/** `name=JSON`, collected over repeated options. */
export function setting(
  text: string,
  before: Readonly<Record<string, JsonText>> = {},
): Record<string, JsonText> {
  const [, name, json = ''] = /^([a-z_]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('Must be name=value, with JSON as the value.');
  return { ...before, [name]: orNone(parsedJson)(json) };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('Must be name=value, with JSON as the value.');
  }
}

/** `type:delay:max_delay:jitter`, such as `fixed:5` or `exponential:1:300`. */
export function backoff(text: string): NonNullable<TaskInput['backoff']> {
  const [type, ...numbers] = text.split(':');
  if ((type !== 'fixed' && type !== 'exponential') || numbers.length > 3)
    throw new InvalidArgumentError('Must be fixed:SECONDS or exponential:SECONDS:LONGEST:JITTER.');
  const [delay, longest, jitter] = numbers.map(seconds);
  return {
    type,
    ...(delay === undefined ? {} : { delay }),
    ...(longest === undefined ? {} : { max_delay: longest }),
    ...(jitter === undefined ? {} : { jitter }),
  };
}
