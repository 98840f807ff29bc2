import type { ProblemCode } from './problems.js';

export interface FieldProblem {
  /** JSON pointer into the body, or the name of a query parameter. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldProblem[];
  /** On 503: whether the change may have happened. */
  readonly applied?: false | 'unknown';
  /** Further members of the problem document. */
  readonly members?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error response with a code, thrown by the layers between HTTP and the services. */
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
