import type { FieldProblem } from './problem.error.js';
import type { ProblemCode } from './problems.js';

export interface ProblemGuide {
  /** When it is answered. */
  readonly when: string;
  /** What the caller does about it. */
  readonly remedy: string;
  /** A `detail` as the service writes it. */
  readonly detail: string;
  /** Further members of the example. */
  readonly members?: {
    readonly errors?: readonly FieldProblem[];
    readonly applied?: false | 'unknown';
    readonly reason?: string;
  };
}

/** What is said of each error code in the OpenAPI document and in docs/errors.md. */
export const PROBLEM_GUIDE: Readonly<Record<ProblemCode, ProblemGuide>> = {
  malformed_request: {
    when: 'The request is not well-formed HTTP, or its body is not JSON in UTF-8.',
    remedy: 'Repair the client; the same request fails again.',
    detail: 'The body is not valid JSON: it breaks at character 13',
  },
  unauthorized: {
    when: 'No valid key came with the request. It is decided before anything is looked up.',
    remedy: 'Send a valid key.',
    detail: 'Send an API key in the header X-API-Key, or as Authorization: Bearer',
  },
  forbidden: {
    when: 'The key lacks the required role or has no access to the queue that the request names.',
    remedy: 'Use another key, or have the roles or queues of this one extended.',
    detail: 'This key may not use queue gpu',
  },
  not_found: {
    when: 'Nothing is served at the address. Addresses are case-sensitive and have no slash at the end.',
    remedy: 'Repair the address.',
    detail: 'There is nothing at this address; /docs lists what there is',
  },
  task_not_found: {
    when: 'No task has this eval_id now.',
    remedy: 'Take it for gone: it was never enqueued, was removed, or was kept long enough.',
    detail: 'There is no task eval-1; it was never enqueued, was removed, or its retention has ended',
  },
  schedule_not_found: {
    when: 'No schedule has this name now.',
    remedy: 'Look at `GET /schedules`.',
    detail: 'There is no schedule nightly',
  },
  worker_not_found: {
    when: 'No worker of this name was seen within `WORKER_FORGET_SECONDS`.',
    remedy: 'Look at `GET /workers`.',
    detail: 'No worker worker-9 was seen lately',
  },
  batch_not_found: {
    when: 'No task belongs to a batch of this name now, or none that the key may see.',
    remedy: 'Take it for gone: its tasks were kept long enough, or never enqueued.',
    detail: 'There is no batch run-7',
  },
  delivery_not_found: {
    when: 'No webhook delivery has this id now.',
    remedy: 'Take it for gone: those that have ended are kept for a while only.',
    detail: 'There is no such delivery; those that have ended are kept for a while',
  },
  no_output: {
    when: 'The task is not completed, or was completed without an output.',
    remedy: 'Wait for its end with `GET /tasks/{eval_id}?wait=30`.',
    detail: 'Task eval-1 is processing and has no output',
  },
  method_not_allowed: {
    when: 'The address takes other methods: those in the header `Allow`.',
    remedy: 'Repair the client.',
    detail: 'This address takes GET',
  },
  request_timeout: {
    when: 'The request did not arrive whole in time.',
    remedy: 'Send it again, without pauses.',
    detail: 'Send the whole request without long pauses',
  },
  conflict: {
    when: 'A task with this eval_id is there and differs from the one that was sent.',
    remedy: 'Use another eval_id for new work.',
    detail: 'Task eval-1 exists with other content; use another eval_id for new work',
  },
  name_taken: {
    when: 'A batch or a schedule of this name belongs to queues that the key may not use.',
    remedy: 'Choose another name.',
    detail: 'The name nightly is in use; choose another schedule_id',
  },
  not_claimed: {
    when: 'Somebody reports the end of a task that nobody has ever claimed.',
    remedy: 'Claim it first.',
    detail: 'Task eval-1 was never claimed, so nobody can have finished it; claim it first',
  },
  lease_lost: {
    when: 'The lease_id is not the one that holds the task now; `reason` says why.',
    remedy: 'Stop the work and claim the next task.',
    detail: 'The lease on task eval-1 is not valid any more (reassigned); stop working on it',
    members: { reason: 'reassigned' },
  },
  task_ended: {
    when: 'The task has ended otherwise than the request would have it.',
    remedy: 'Read its state; there is nothing to repeat.',
    detail: 'Task eval-1 has already ended as completed',
  },
  task_damaged: {
    when: 'Bytes of the task on disk are not what was written. It is handed out to nobody; all others go on.',
    remedy: 'Run `crucible-queue check`, and restore a backup or enqueue the work under another eval_id.',
    detail:
      'Task eval-1 is damaged on disk and quarantined; restore a backup, or enqueue it under another eval_id',
  },
  not_finished: {
    when: 'A task that has not ended is to be deleted.',
    remedy: 'Cancel it first.',
    detail: 'Task eval-1 is processing; cancel it first, only ended tasks can be deleted',
  },
  not_redrivable: {
    when: 'The task has not ended, or was completed.',
    remedy: 'Enqueue new work under another eval_id.',
    detail: 'Task eval-1 is completed; only failed, expired and cancelled tasks can be redriven',
  },
  too_large: {
    when: 'The body is larger than `MAX_BODY_BYTES`.',
    remedy: 'Send less at once.',
    detail: 'The body must have at most 2097152 bytes',
  },
  unsupported_media_type: {
    when: 'The body is not declared as JSON, or is compressed.',
    remedy: 'Send it plain, with `Content-Type: application/json`.',
    detail: 'Send the body as UTF-8 with Content-Type: application/json',
  },
  expectation_failed: {
    when: 'The header `Expect` asks for something other than `100-continue`.',
    remedy: 'Send the request without it.',
    detail: 'Only Expect: 100-continue is known',
  },
  invalid_request: {
    when: 'A field or a query parameter is missing or has a bad value; `errors` names each one.',
    remedy: 'Repair what `errors` names; the same request fails again.',
    detail: 'timeout must not be less than 1',
    members: { errors: [{ pointer: '/timeout', detail: 'timeout must not be less than 1' }] },
  },
  lease_required: {
    when: 'The call needs the lease_id of the claim, or the setting `REQUIRE_LEASE_ID` asks for it.',
    remedy: 'Send the lease_id that the claim returned.',
    detail: 'Send the lease_id that the claim returned',
  },
  rate_limited: {
    when: 'Too many wrong keys or made-up lease ids came from the address of the client. A valid one still works.',
    remedy: 'Repair the key; wait for `Retry-After`.',
    detail:
      'Too many wrong keys or lease ids came from this address; a valid one works, else try again in 1 s',
  },
  queue_full: {
    when: 'As many tasks wait in the queue as its `max_depth` allows. Claims and reports go on.',
    remedy: 'Send it again after `Retry-After`; workers make room.',
    detail: 'Queue gpu is full: 10000 tasks wait in it; try again later',
    members: { applied: false },
  },
  too_many_waiters: {
    when: '`MAX_PARKED_POLLS` polls wait already.',
    remedy: 'Poll without `wait`, or again after `Retry-After`.',
    detail: '10000 polls are parked already; poll without wait, or later',
  },
  too_many_readers: {
    when: '`EVENTS_MAX_READERS` clients read the event stream of this process already.',
    remedy: 'Try again after `Retry-After`, with the same `Last-Event-ID`.',
    detail: '1000 readers are there already; try later',
  },
  headers_too_large: {
    when: 'The request line and the headers together are larger than `MAX_HEADER_BYTES`.',
    remedy: 'Send fewer or shorter headers.',
    detail: 'Send fewer or shorter headers',
  },
  internal_error: {
    when: 'The service has a fault, which is in its log under the `X-Request-Id` of the answer.',
    remedy: 'Report it.',
    detail: 'The fault is in the service and was logged with the X-Request-Id',
  },
  store_unavailable: {
    when: 'The store cannot take the write. `applied` says whether it may have been made all the same.',
    remedy: 'Send the same request again after `Retry-After`: a repeated call does no harm.',
    detail: 'The store cannot be reached now; try again in a moment',
    members: { applied: 'unknown' },
  },
  draining: {
    when: 'The service shuts down and takes no new work.',
    remedy: 'Send it again after `Retry-After`.',
    detail: 'The service is shutting down; try again in a moment',
    members: { applied: false },
  },
};
