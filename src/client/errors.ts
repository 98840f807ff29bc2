import type { Problem, ProblemField } from './api.generated.js';

/** Why a lease ended before its work did. */
export type LeaseLossReason = NonNullable<Problem['reason']>;

/** Everything that this package throws on purpose; a program branches on `code`. */
export abstract class ClientError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** No answer came, or half of one. A call that changes something may have been carried out. */
export class ConnectionFailed extends ClientError {
  readonly code: string = 'connection_failed';
}

/** An answer came that is not the service's, or not one to this call: a proxy's page, a redirect, half a document. */
export class UnexpectedAnswer extends ConnectionFailed {
  override readonly code = 'unexpected_answer';

  constructor(
    message: string,
    /** Milliseconds that the answer asked to wait with the next try. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What was waited for did not come in time. */
export class WaitTimeout extends ClientError {
  readonly code = 'wait_timeout';
}

/** The service answered that it did not do it. `code` is that of the problem, see docs/errors.md. */
export class ApiError extends ClientError {
  readonly code: string;
  readonly status: number;
  /** Present where the service could not take the change: whether it was made all the same. */
  readonly applied: false | 'unknown' | undefined;
  /** The fields at fault. */
  readonly errors: readonly ProblemField[];

  constructor(readonly problem: Readonly<Partial<Problem>> & { readonly status: number }) {
    const said: unknown = problem.detail ?? problem.title;
    super(typeof said === 'string' ? said : `The service answered ${problem.status}`);
    this.code = problem.code ?? `http_${problem.status}`;
    this.status = problem.status;
    this.applied = problem.applied;
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }
}

export class Unauthorized extends ApiError {}
export class Forbidden extends ApiError {}
export class NotFound extends ApiError {}
export class Conflict extends ApiError {}
export class InvalidRequest extends ApiError {}
/** The service is full, or cannot take it now, and stayed so for as long as the client was patient. */
export class Unavailable extends ApiError {}

/** The lease is not the one that holds the task now: whoever works under it stops. */
export class LeaseLost extends Conflict {
  readonly reason: LeaseLossReason | undefined;

  constructor(problem: ApiError['problem']) {
    super(problem);
    this.reason = problem.reason;
  }
}

/** The error class for a problem that the service answered. */
export function apiError(problem: ApiError['problem']): ApiError {
  if (problem.code === 'lease_lost') return new LeaseLost(problem);
  return new (CLASSES[problem.status] ?? ApiError)(problem);
}

const CLASSES: Readonly<Record<number, typeof ApiError>> = {
  400: InvalidRequest,
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  413: InvalidRequest,
  422: InvalidRequest,
  429: Unavailable,
  503: Unavailable,
};
