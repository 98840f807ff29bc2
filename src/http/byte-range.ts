import { ProblemError } from './problem.error.js';

/** A part of a representation, both ends included. */
export interface RequestedRange {
  readonly from: number;
  readonly to: number;
}

const ONE_RANGE = /^bytes=(?:(\d{1,16})-(\d{0,16})|-(\d{1,16}))$/;

/**
 * The part that `Range` requests; `undefined` for the whole. A range that begins before `first` begins there, because
 * older bytes were dropped. Malformed headers and several ranges mean the whole, as RFC 9110 allows.
 *
 * @throws ProblemError `range_not_satisfiable`
 */
export function rangeIn(header: string | undefined, size: number, first = 0): RequestedRange | undefined {
  const [, begin, last, suffix] = ONE_RANGE.exec(header ?? '') ?? [];
  if (suffix !== undefined) {
    if (Number(suffix) === 0 || size === first) throw unsatisfiable(size);
    return { from: Math.max(size - Number(suffix), first), to: size - 1 };
  }
  if (begin === undefined) return undefined;
  const from = Math.max(Number(begin), first);
  const to = last === undefined || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== undefined && last !== '' && Number(last) < Number(begin)) return undefined;
  if (from > to) throw unsatisfiable(size);
  return { from, to };
}

function unsatisfiable(size: number): ProblemError {
  return new ProblemError('range_not_satisfiable', `The range begins after the last of ${size} bytes`, {
    headers: { 'Content-Range': `bytes */${size}` },
  });
}
