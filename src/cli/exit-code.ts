import { ApiError, ClientError, ConnectionFailed, UnexpectedAnswer, WaitTimeout } from '../client/index.js';
import { InvalidArgument } from '../client/paths.js';
import { textOfError } from '../client/verdicts.js';

/** Exit codes for scripts, as in sysexits.h; docs/cli.md lists them. */
export const EXIT = {
  done: 0,
  /** The task did not complete, a file is damaged, or the service refused some of several items. */
  unsuccessful: 1,
  usage: 64,
  /** The service rejected the input. */
  refused: 65,
  notFound: 66,
  /** The service is unreachable or unavailable. */
  unavailable: 69,
  fault: 70,
  /** The awaited event has not happened yet. */
  later: 75,
  /** The key is missing, invalid, or lacks the required role. */
  notAllowed: 77,
} as const;

/** Prints its message and ends the command with this code. */
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
  if (error instanceof InvalidArgument) return EXIT.usage;
  return EXIT.fault;
}

/** Rewords an error of the client; returns other errors unchanged. */
export function explained(error: unknown, url: string): unknown {
  if (!(error instanceof ClientError)) return error;
  const advice = isUnreachable(error) ? '; start the service, or set QUEUE_URL or --url' : '';
  return new CommandFailed(exitCodeOf(error), problemText(error, url) + advice);
}

/** Explains an error in terms of the command's own options and variables. */
export function problemText(error: unknown, url: string): string {
  if (isUnreachable(error)) return `Cannot reach ${url} (${causeOf(error)})`;
  if (!(error instanceof ApiError)) return textOfError(error);
  if (error.status === 403) return `QUEUE_API_KEY does not permit this: ${textOfError(error)}`;
  if (error.status !== 401) return textOfError(error);
  const isSet = (process.env.QUEUE_API_KEY ?? '').trim() !== '';
  return isSet ? 'QUEUE_API_KEY is not a valid key' : 'The service requires an API key: set QUEUE_API_KEY';
}

function isUnreachable(error: unknown): error is ConnectionFailed {
  return error instanceof ConnectionFailed && !(error instanceof UnexpectedAnswer);
}

/** The cause without the failed call, because the message names the URL. */
function causeOf(error: ConnectionFailed): string {
  return error.message.replace(/^[A-Z]+ \S+: (?:cannot reach \S+: )?/, '');
}
