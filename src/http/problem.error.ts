import type { ProblemCode } from './problems.js';

export interface FieldProblem {
  /** JSON pointer into the body, or the name of a query parameter. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldProblem[];
  /** On 503: whether the change may have been made all the same. */
  readonly applied?: false | 'unknown';
  /** Further members of the problem document. */
  readonly members?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer with an error code, thrown by what stands between the wire and the services. */
export class ProblemError extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
  }
}
