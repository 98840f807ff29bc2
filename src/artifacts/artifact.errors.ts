import { ProblemError } from '../http/problem.error.js';

export function artifactNotFound(id: string): ProblemError {
  return new ProblemError('artifact_not_found', `Task ${id} has no artifact with this name`);
}

export function artifactsOff(): ProblemError {
  return new ProblemError('artifacts_off', 'This service keeps no artifacts; its operator can set ARTIFACTS');
}

/** @param setting the limit */
export function tooLargeFor(setting: string, bytes: number): ProblemError {
  return new ProblemError('too_large', `${setting} allows ${bytes} bytes`);
}

export function tooMany(limit: number): ProblemError {
  return new ProblemError('too_large', `TASK_ARTIFACTS_MAX allows ${limit} artifacts`);
}

export function spaceUsed(): ProblemError {
  const detail =
    'All artifacts together have reached ARTIFACTS_MAX_BYTES; try again when tasks have been removed';
  return new ProblemError('artifacts_full', detail, { headers: { 'Retry-After': '60' } });
}

export function uploadsUsed(): ProblemError {
  const detail = 'ARTIFACT_MAX_UPLOADS uploads are already in progress; try again in a moment';
  return new ProblemError('artifacts_full', detail);
}
