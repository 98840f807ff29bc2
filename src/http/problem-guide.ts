import type { FieldProblem } from './problem.error.js';
import type { ProblemCode } from './problems.js';

export interface ProblemGuide {
  /** When the service answers with this code. */
  readonly when: string;
  /** How the caller should react. */
  readonly remedy: string;
  /** An example of `detail`. */
  readonly detail: string;
  /** Further members of the example. */
  readonly members?: {
    readonly errors?: readonly FieldProblem[];
    readonly applied?: false | 'unknown';
    readonly reason?: string;
    readonly size?: number;
  };
}

/** The guide to each error code, for the OpenAPI document and docs/errors.md. */
export const PROBLEM_GUIDE: Readonly<Record<ProblemCode, ProblemGuide>> = {
  malformed_request: {
    when: 'The request is not well-formed HTTP, or its body is not JSON in UTF-8.',
    remedy: 'Fix the client; the same request fails again.',
    detail: 'The body is not valid JSON: unexpected text at character 13',
  },
  unauthorized: {
    when: 'The request has no valid key. The service checks this before any lookup.',
    remedy: 'Send a valid key.',
    detail: 'Send an API key in X-API-Key, or as Authorization: Bearer',
  },
  forbidden: {
    when: 'The key lacks the required role or has no access to the queue that the request names. Or the `Host` is not in `ALLOWED_HOSTS`, or a browser sent the request for a page of another origin.',
    remedy: '`detail` says which. Use another key, or extend the roles or queues of this one.',
    detail: 'This key has no access to queue gpu',
  },
  not_found: {
    when: 'The path does not exist. Paths are case-sensitive and have no trailing slash.',
    remedy: 'Fix the path.',
    detail: 'There is no such path; /docs lists the API',
  },
  task_not_found: {
    when: 'No task has this eval_id.',
    remedy: 'Check the eval_id. If the task was removed or its retention is over, enqueue it again.',
    detail: 'There is no task eval-1; it was never enqueued, was removed, or its retention has ended',
  },
  schedule_not_found: {
    when: 'No schedule has this schedule_id.',
    remedy: 'List them with `GET /schedules`.',
    detail: 'There is no schedule nightly',
  },
  worker_not_found: {
    when: 'The worker left, or was silent for longer than `WORKER_FORGET_SECONDS`.',
    remedy: 'List workers with `GET /workers`.',
    detail: 'No worker worker-9 is known; it left or was silent for too long',
  },
  batch_not_found: {
    when: 'No batch has this batch_id, or the key has no access to it.',
    remedy: 'Check the batch_id; the retention of its tasks may be over.',
    detail: 'There is no batch run-7',
  },
  delivery_not_found: {
    when: 'No webhook delivery has this id.',
    remedy:
      'The service keeps ended deliveries for `RETENTION_SECONDS`, up to `WEBHOOK_MAX_ENDED`. List them with `GET /webhooks/deliveries`.',
    detail: 'There is no such delivery; the service removes ended ones after their retention',
  },
  artifact_not_found: {
    when: 'The task has no artifact with this name.',
    remedy: 'List them with `GET /tasks/{eval_id}/artifacts`.',
    detail: 'Task eval-1 has no artifact with this name',
  },
  artifacts_off: {
    when: 'Artifacts are turned off: `ARTIFACTS` is empty, or unset with Redis.',
    remedy: 'The operator can set `ARTIFACTS`. With Redis it has no default.',
    detail: 'This service keeps no artifacts; its operator can set ARTIFACTS',
  },
  no_log: {
    when: 'The task has no attempt with the number that the request names.',
    remedy: 'Leave out `attempt`, or list attempts with `GET /tasks/{eval_id}/attempts`.',
    detail: 'Task eval-1 has no attempt 2 yet',
  },
  logs_off: {
    when: '`LOG_MAX_BYTES` is 0.',
    remedy: 'Send no logs. The operator can set `LOG_MAX_BYTES`.',
    detail: 'This service keeps no logs; its operator can set LOG_MAX_BYTES',
  },
  no_output: {
    when: 'The task is not completed, or completed without an output.',
    remedy: 'Wait for its end with `GET /tasks/{eval_id}?wait=30`.',
    detail: 'Task eval-1 is processing and has no output',
  },
  method_not_allowed: {
    when: 'The path does not support this method.',
    remedy: 'Use one of the methods in the header `Allow`.',
    detail: 'This path supports GET',
  },
  request_timeout: {
    when: 'The request did not arrive completely in time.',
    remedy: 'Send it again without pauses.',
    detail: 'Send the whole request without long pauses',
  },
  conflict: {
    when: 'A task with this eval_id exists with other content.',
    remedy: 'Use another eval_id for new work.',
    detail: 'Task eval-1 exists with other content; use another eval_id for new work',
  },
  name_taken: {
    when: 'A batch or schedule of this name belongs to queues that the key has no access to.',
    remedy: 'Choose another name.',
    detail: 'The name nightly is in use; choose another schedule_id',
  },
  not_claimed: {
    when: 'No worker has ever claimed the task.',
    remedy: 'Claim it first.',
    detail: 'Task eval-1 was never claimed; claim it before you report on it',
  },
  lease_lost: {
    when: 'The lease is stale; `reason` says why.',
    remedy: 'Stop the work and claim the next task.',
    detail: 'The lease on task eval-1 has ended (reassigned); stop the work',
    members: { reason: 'reassigned' },
  },
  log_offset: {
    when: 'The log ends before `offset`, or has other bytes there. `size` is the number of bytes that the attempt has sent.',
    remedy: 'Continue at `size`.',
    detail:
      'The log of attempt 1 has 4096 bytes, and these do not continue it; send the bytes from offset 4096 on',
    members: { size: 4096 },
  },
  task_ended: {
    when: 'The task has already ended in another way.',
    remedy: 'Read its state. Do not repeat the report.',
    detail: 'Task eval-1 has already ended as completed',
  },
  task_damaged: {
    when: 'The task is damaged on disk. The service hands it to no worker; other tasks are not affected.',
    remedy: 'Run `crucible-queue check`. Restore a backup, or enqueue the work under another eval_id.',
    detail:
      'Task eval-1 is damaged on disk and quarantined; restore a backup, or enqueue it under another eval_id',
  },
  not_finished: {
    when: 'The request deletes a task that has not ended.',
    remedy: 'Cancel it first.',
    detail: 'Task eval-1 is processing; cancel it first, only ended tasks can be deleted',
  },
  not_waiting: {
    when: 'The request changes the priority of a task that a worker holds, or that has ended.',
    remedy: 'Change the priority while the task is `queued` or `delayed`.',
    detail: 'Task eval-1 is processing; the priority of a task can change only while it is queued or delayed',
  },
  not_redrivable: {
    when: 'The task has not ended, or is completed.',
    remedy: 'Enqueue new work under another eval_id.',
    detail: 'Task eval-1 is completed; only failed, expired and cancelled tasks can be redriven',
  },
  too_large: {
    when: 'The body is larger than `MAX_BODY_BYTES`.',
    remedy: 'Send a smaller body, or split the request.',
    detail: 'The body must have at most 2097152 bytes',
  },
  unsupported_media_type: {
    when: 'The body is not declared as JSON, or is compressed.',
    remedy: 'Send it uncompressed with `Content-Type: application/json`.',
    detail: 'Send the body as UTF-8 with Content-Type: application/json',
  },
  range_not_satisfiable: {
    when: 'The `Range` begins after the last byte. `Content-Range` has the size.',
    remedy: 'Read from an earlier byte, or leave out `Range`.',
    detail: 'The range begins after the last of 1024 bytes',
  },
  expectation_failed: {
    when: 'The header `Expect` has a value other than `100-continue`.',
    remedy: 'Remove the header.',
    detail: 'Only Expect: 100-continue is supported',
  },
  invalid_request: {
    when: 'A field or query parameter is missing or has a bad value; `errors` lists each one.',
    remedy: 'Fix what `errors` lists; the same request fails again.',
    detail: 'timeout must not be less than 1',
    members: { errors: [{ pointer: '/timeout', detail: 'timeout must not be less than 1' }] },
  },
  digest_mismatch: {
    when: 'The body of an upload does not have the digest in its `Content-Digest`.',
    remedy: 'Send the bytes again. They changed in transit, or the digest belongs to other bytes.',
    detail: 'The bytes do not match the sha256 in Content-Digest; nothing was kept',
  },
  lease_required: {
    when: 'The call needs a lease_id, always or because `REQUIRE_LEASE_ID` is set.',
    remedy: 'Send the lease_id that the claim returned.',
    detail: 'Send the lease_id that the claim returned',
  },
  rate_limited: {
    when: 'This client address sent more than `AUTH_FAILURES_PER_MINUTE` wrong keys or invented lease ids. Valid ones still work.',
    remedy: 'Fix the key, or wait for `Retry-After`.',
    detail: 'Too many wrong keys or lease ids came from this address; send a valid one, or try again in 1 s',
  },
  queue_full: {
    when: 'The queue has as many waiting tasks as its `max_depth` allows. Claims and reports still work.',
    remedy: 'Send it again after `Retry-After`. Add workers if the queue stays full.',
    detail: 'Queue gpu is full: 10000 tasks wait in it; try again later',
    members: { applied: false },
  },
  artifacts_full: {
    when: 'All artifacts together have reached `ARTIFACTS_MAX_BYTES`, or `ARTIFACT_MAX_UPLOADS` are in progress.',
    remedy: 'Retry after `Retry-After`. The operator can remove tasks or raise the limit.',
    detail: 'All artifacts together have reached ARTIFACTS_MAX_BYTES; try again when tasks have been removed',
  },
  too_many_waiters: {
    when: 'The process already parks `MAX_PARKED_POLLS` requests.',
    remedy: 'Repeat it without `wait`, or after `Retry-After`.',
    detail: '10000 requests are already parked; repeat this one without wait, or later',
  },
  too_many_readers: {
    when: '`EVENTS_MAX_READERS` clients already read the event stream of this process.',
    remedy: 'Try again after `Retry-After`, with the same `Last-Event-ID`.',
    detail: '1000 clients already read the event stream; try again later',
  },
  headers_too_large: {
    when: 'The request line and headers together exceed `MAX_HEADER_BYTES`.',
    remedy: 'Send fewer or shorter headers.',
    detail: 'Send fewer or shorter headers',
  },
  internal_error: {
    when: 'The service failed. Its log has the reason under the `X-Request-Id` of the answer.',
    remedy: 'Report it to the operator.',
    detail: 'The service failed; its log has the reason under this X-Request-Id',
  },
  store_unavailable: {
    when: 'The store is unavailable. `applied` says whether the change may have happened.',
    remedy: 'Send the same request again after `Retry-After`; repeating it is safe.',
    detail: 'The store is unavailable; try again in a moment',
    members: { applied: 'unknown' },
  },
  draining: {
    when: 'The service is shutting down and accepts no new work.',
    remedy: 'Send it again after `Retry-After`.',
    detail: 'The service is shutting down; try again in a moment',
    members: { applied: false },
  },
};
