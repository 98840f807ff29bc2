import { createHash } from 'node:crypto';
import type { Task } from '../task/task.js';
import { errorLine } from './parts/format.js';

/** The form of a group's id. */
export const ERROR_GROUP = /^[A-Za-z0-9_-]{16}$/;

const ERROR_LENGTH = 160;

/** The id of the group of dead letters with the same cause, or without one and with the same error. */
export function groupOf(task: Task): string {
  const cause = causeOf(task);
  const name = cause === undefined ? reasonOf(task) : `cause ${cause}`;
  return createHash('sha256').update(name).digest('base64url').slice(0, 16);
}

/** An expired task did not end by the cause of its last attempt. */
export function causeOf(task: Task): string | undefined {
  return task.state === 'expired' ? undefined : task.last?.cause;
}

const WITHOUT_ERROR = {
  failed: 'Failed without an error text',
  lost: 'No interruptions left',
  deadline: 'Deadline passed',
} as const;

/** The error's summary line, without the numbers that differ between tasks. */
export function reasonOf(task: Task): string {
  if (task.state === 'expired') return 'Expired before its first attempt';
  const error = task.last?.error;
  if (error === undefined || error.trim() === '') {
    return task.state === 'failed' ? WITHOUT_ERROR[task.outcome] : WITHOUT_ERROR.failed;
  }
  return errorLine(error, ERROR_LENGTH).replace(/\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, '#');
}
