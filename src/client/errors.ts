import type { Problem, ProblemField } from './api.generated.js';

/** Why a lease ended before its work did. */
export type LeaseLossReason = NonNullable<Problem['reason']>;

/** Base of all errors of this package. Programs branch on `code`. */
export abstract class ClientError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The response is missing or incomplete. The service may have performed the call. */
export class ConnectionFailed extends ClientError {
  readonly code: string = 'connection_failed';
}

/** The response is not a valid answer to this call: a proxy's page, a redirect, or an incomplete document. */
export class UnexpectedAnswer extends ConnectionFailed {
  override readonly code = 'unexpected_answer';

  constructor(
    message: string,
    /** Milliseconds to wait before the next try, as the response requested. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The awaited end did not come in time. */
export class WaitTimeout extends ClientError {
  readonly code = 'wait_timeout';
}

/** The service rejected the call. `code` is the problem's code; see docs/errors.md. */
export class ApiError extends ClientError {
  readonly code: string;
  readonly status: number;
  /** Present when the store was unavailable: whether the change may have been made. */
  readonly applied: false | 'unknown' | undefined;
  /** The invalid fields. */
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
/** The service stayed overloaded or unavailable for the whole `patience`. */
export class Unavailable extends ApiError {}

/** The lease no longer holds the task. The worker must stop the work. */
export class LeaseLost extends Conflict {
  readonly reason: LeaseLossReason | undefined;

  constructor(problem: ApiError['problem']) {
    super(problem);
    this.reason = problem.reason;
  }
}

/** Creates the error class that matches a problem. */
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
