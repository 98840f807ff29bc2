import type { Failure } from './api.generated.js';
import type { HeldTask } from './answers.js';
import type { Verdict } from './attempt.js';
import { BOUNDS } from './bounds.js';
import type { Client, Patient } from './client.js';
import type { CompletionDesk } from './completion-desk.js';
import { InvalidRequest } from './errors.js';
import { JsonText, stringify } from './json-text.js';
import { textOfError } from './verdicts.js';

/** Completions go through the desk of the worker, everything else directly. */
export interface ReportRoutes {
  readonly client: Client;
  readonly desk: CompletionDesk;
}

/** The service's answer to a report. */
export interface Reported {
  readonly kind: Verdict['kind'];
  /** The task's current state. */
  readonly status?: string;
}

/** Maximum characters of an error. An escape can take six bytes per character, and a request holds 2 MiB. */
const LONGEST_ERROR = 250_000;
/** The end of a long error names the failure; the beginning names the place. */
const KEPT_BEGINNING = 50_000;

/**
 * Reports the end of an attempt under its lease, and retries until the service answers. Values that cannot be sent are
 * replaced by ones that can, with a note in the error.
 *
 * @throws ClientError
 */
export async function report(
  { client, desk }: ReportRoutes,
  { task, verdict }: { readonly task: HeldTask; readonly verdict: Verdict },
  limits: Patient,
): Promise<Reported> {
  switch (verdict.kind) {
    case 'completed':
      return complete({ client, desk }, { task, output: verdict.output }, limits);
    case 'failed':
      return fail(client, { task, failure: sendable(verdict.failure) }, limits);
    case 'released': {
      const { reason = 'The worker was stopped', delay, cause } = verdict;
      const given = {
        reason: textOfError(reason).slice(0, BOUNDS.longestReason),
        delay: secondsOf(delay),
        cause: isCause(cause) ? cause : undefined,
      };
      return { kind: 'released', status: (await client.release(task, given, limits)).status };
    }
    case 'lost':
      return { kind: 'lost' };
  }
}

/** An output that is unsendable or rejected is a permanent failure, because a retry would give the same output. */
async function complete(
  { client, desk }: ReportRoutes,
  { task, output }: { readonly task: HeldTask; readonly output: unknown },
  limits: Patient,
): Promise<Reported> {
  try {
    return { kind: 'completed', status: await desk.complete({ task, output: textOf(output), limits }) };
  } catch (error) {
    if (!(error instanceof InvalidRequest) && !(error instanceof Unsendable)) throw error;
    const failure = { error: `The output cannot be sent: ${textOfError(error)}`, retryable: false };
    return fail(client, { task, failure: sendable(failure) }, limits);
  }
}

async function fail(
  client: Client,
  { task, failure }: { readonly task: HeldTask; readonly failure: Failure },
  limits: Patient,
): Promise<Reported> {
  try {
    return { kind: 'failed', status: (await client.fail(task, failure, limits)).status };
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error;
    const why = `The failure cannot be sent as it was: ${error.message}`.slice(0, 1000);
    const least = { error: why, retryable: failure.retryable };
    return { kind: 'failed', status: (await client.fail(task, least, limits)).status };
  }
}

/** The output has no JSON form. */
class Unsendable extends Error {}

function textOf(output: unknown): JsonText | undefined {
  try {
    const text = stringify(output);
    if (text === undefined && output !== undefined)
      throw new TypeError(`a ${typeof output} is not a JSON value`);
    return text === undefined ? undefined : new JsonText(text);
  } catch (error) {
    throw new Unsendable(textOfError(error));
  }
}

/** The failure without the members that the service would reject; its error text names them. */
function sendable({ error = '', retry_after, exit_code, cause, ...rest }: Failure): Failure {
  const notes: string[] = [];
  const members: { retry_after?: number; exit_code?: number; cause?: string } = {};
  if (retry_after !== undefined) {
    members.retry_after = secondsOf(retry_after);
    if (members.retry_after === undefined)
      notes.push('(retry_after is not a number of seconds: the backoff of the task decides)');
    else if (members.retry_after !== retry_after)
      notes.push(`(retry_after ${retry_after} was taken as ${members.retry_after} s)`);
  }
  const named: unknown = cause;
  if (isCause(named)) members.cause = named;
  else if (named !== undefined && named !== null)
    notes.push(`(cause ${textOfError(named).slice(0, 100)} is not valid and was omitted)`);
  const given: unknown = exit_code;
  if (given !== undefined && given !== null) {
    const isOne =
      typeof given === 'number' &&
      Number.isInteger(given) &&
      given >= BOUNDS.smallestExitCode &&
      given <= BOUNDS.largestExitCode;
    if (isOne) members.exit_code = given;
    else notes.push(`(exit code ${textOfError(given).slice(0, 100)} is not valid and was omitted)`);
  }
  return { ...rest, ...members, error: cut([error, ...notes].join('\n')) };
}

const CAUSE = new RegExp(BOUNDS.cause);

function isCause(cause: unknown): cause is string {
  return typeof cause === 'string' && CAUSE.test(cause);
}

/** A delay within the service's bounds; `undefined` when it is not a number. */
function secondsOf(delay: unknown): number | undefined {
  if (typeof delay !== 'number' || Number.isNaN(delay)) return undefined;
  return Math.min(Math.max(delay, 0), BOUNDS.longestDelay);
}

function cut(text: string): string {
  if (text.length <= LONGEST_ERROR) return text;
  const end = text.slice(KEPT_BEGINNING - LONGEST_ERROR);
  const leftOut = text.length - LONGEST_ERROR;
  return `${text.slice(0, KEPT_BEGINNING)}\n… ${leftOut} characters left out …\n${end}`;
}
