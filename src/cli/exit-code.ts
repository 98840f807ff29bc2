import { ApiError, ClientError, WaitTimeout } from '../client/index.js';

/** What a script can tell apart; the numbers are those of sysexits.h. docs/cli.md lists them. */
export const EXIT = {
  done: 0,
  /** The task did not complete, a file is damaged, or some of many were refused. */
  unsuccessful: 1,
  usage: 64,
  /** The service refuses what it was sent. */
  refused: 65,
  notFound: 66,
  /** Nobody answers, or the service cannot take it now. */
  unavailable: 69,
  fault: 70,
  /** What was waited for has not happened yet. */
  later: 75,
  /** The key is missing, wrong, or may not do that. */
  notAllowed: 77,
} as const;

/** Ends the command with this code, after its message. */
export class CommandFailed extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

const BY_STATUS: Readonly<Record<number, number>> = {
  400: EXIT.refused,
  401: EXIT.notAllowed,
  403: EXIT.notAllowed,
  404: EXIT.notFound,
  409: EXIT.refused,
  413: EXIT.refused,
  422: EXIT.refused,
  429: EXIT.unavailable,
  503: EXIT.unavailable,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof WaitTimeout) return EXIT.later;
  if (error instanceof ApiError) return BY_STATUS[error.status] ?? EXIT.fault;
  if (error instanceof ClientError) return EXIT.unavailable;
  return EXIT.fault;
}
