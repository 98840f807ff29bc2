import { InvalidArgumentError } from 'commander';

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
