import { problemOf } from '../http/problem.filter.js';
import { problemDocument } from '../http/problem-writer.js';

/** The result of one item of a bulk request, or the error that refused it. */
export type Outcome<T> = PromiseSettledResult<T>;

export function attempt<T>(make: () => T): Outcome<T> {
  try {
    return { status: 'fulfilled', value: make() };
  } catch (reason) {
    return { status: 'rejected', reason };
  }
}

export function outcomeOf<T extends object>(result: T | Error): Outcome<Exclude<T, Error>> {
  return result instanceof Error
    ? { status: 'rejected', reason: result }
    : { status: 'fulfilled', value: result as Exclude<T, Error> };
}

export function valuesOf<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** Puts the later outcomes of the valid items into their places among the refused ones. */
export function mergeIn<T>(items: readonly Outcome<unknown>[], later: readonly Outcome<T>[]): Outcome<T>[] {
  const rest = later.values();
  return items.flatMap((item) => {
    if (item.status === 'rejected') return [item];
    const next = rest.next();
    return next.done === true ? [] : [next.value];
  });
}

/** An item of the response: its view, or its problem. */
export function itemView<T>(index: number, outcome: Outcome<T>, view: (value: T) => object): object {
  return outcome.status === 'fulfilled'
    ? { index, ...view(outcome.value) }
    : { index, problem: problemDocument(problemOf(outcome.reason)) };
}
