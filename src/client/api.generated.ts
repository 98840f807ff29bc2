// Generated from docs/openapi.json by `npm run docs`: what the service takes and answers.

export interface ProblemField {
  /** JSON pointer into the body, or the name of a query parameter */
  readonly pointer: string;
  /** The fault and the allowed values */
  readonly detail: string;
}

export interface Problem {
  /** A URN for the kind of problem */
  readonly type: string;
  /** The kind of problem in words */
  readonly title: string;
  /** The HTTP status */
  readonly status: number;
  /** One sentence for people, with what to do */
  readonly detail: string;
  /** The error code, for programs */
  readonly code: 'malformed_request' | 'unauthorized' | 'forbidden' | 'not_found' | 'task_not_found' | 'schedule_not_found' | 'worker_not_found' | 'batch_not_found' | 'delivery_not_found' | 'artifact_not_found' | 'artifacts_off' | 'no_log' | 'logs_off' | 'no_output' | 'method_not_allowed' | 'request_timeout' | 'conflict' | 'name_taken' | 'not_claimed' | 'lease_lost' | 'log_offset' | 'task_ended' | 'task_damaged' | 'not_finished' | 'not_waiting' | 'not_redrivable' | 'too_large' | 'unsupported_media_type' | 'range_not_satisfiable' | 'expectation_failed' | 'invalid_request' | 'digest_mismatch' | 'lease_required' | 'rate_limited' | 'queue_full' | 'artifacts_full' | 'too_many_waiters' | 'too_many_readers' | 'headers_too_large' | 'internal_error' | 'store_unavailable' | 'draining';
  /** The bad fields or parameters */
  readonly errors?: readonly ProblemField[];
  /** Whether the change may have happened */
  readonly applied?: false | 'unknown';
  /** With lease_lost: why the lease ended */
  readonly reason?: 'expired' | 'cancelled' | 'reassigned' | 'cleared';
  /** With log_offset: the bytes that the attempt has sent */
  readonly size?: number;
}

export interface ClaimedTask {
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'processing';
  /** The language of the code */
  readonly language: string;
  /** The engine that runs the code */
  readonly engine: string;
  /** Seconds that this attempt can run */
  readonly timeout: number;
  /** Higher goes first */
  readonly priority: number;
  /** The queue of the task */
  readonly queue: string;
  /** When it was enqueued */
  readonly queued_at: string;
  /** The group of the task */
  readonly group: string | null;
  /** Labels that a worker must offer */
  readonly requires: Readonly<Record<string, string>> | null;
  /** The batch of the task */
  readonly batch_id: string | null;
  /** The number of this attempt */
  readonly attempt: number;
  /** Failures until the task is a dead letter */
  readonly max_attempts: number;
  /** Lost leases that return the task to the queue */
  readonly max_interruptions: number;
  /** The worker that claimed it */
  readonly worker_id: string | null;
  /** Proof of the lease: send it with every call about this attempt */
  readonly lease_id: string;
  /** The end of the lease without a heartbeat */
  readonly lease_expires_at: string;
  /** Seconds between heartbeats; the lease survives two lost ones */
  readonly heartbeat_interval: number;
  /** The deadline of the task; heartbeats cannot extend the lease beyond it */
  readonly deadline_at: string | null;
  /** The trace context of the producer */
  readonly traceparent: string | null;
  /** The checkpoint that an earlier attempt saved, as the same JSON text; null without one */
  readonly checkpoint: unknown;
  /** The attempt that saved the checkpoint; null without one */
  readonly checkpoint_attempt: number | null;
  /** The producer’s metadata, as the same JSON text */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** The code, unchanged */
  readonly code: string;
}

export interface Claim {
  /** The id of the worker */
  readonly worker_id: string;
  /** Queues to claim from: a list in order, or weights such as `{"a": 3, "b": 1}`, which tries a first three times out of four */
  readonly queues?: readonly string[] | Readonly<Record<string, number>>;
  /** Tasks to claim at most */
  readonly max_tasks?: number;
  /** Seconds to wait for a ready task */
  readonly wait?: number;
  /** Seconds of each lease, at most MAX_LEASE_SECONDS; by default the timeout plus LEASE_GRACE_SECONDS */
  readonly lease?: number;
  /** What the worker offers, 32 labels at most: it gets tasks that require nothing else */
  readonly labels?: Readonly<Record<string, string>>;
  /** Identifies this call: repeating it returns the tasks that it claimed and still holds */
  readonly claim_id?: string;
}

export interface ClaimedTasks {
  /** Empty when no task is ready */
  readonly tasks: readonly ClaimedTask[];
  /** drain: this worker gets no more tasks */
  readonly command?: 'drain';
}

export interface Progress {
  /** Percent done */
  readonly percent?: number;
  /** The current step */
  readonly message?: string;
}

export interface Heartbeat {
  /** Seconds to extend the lease from now, at most MAX_LEASE_SECONDS; by default the length of the lease */
  readonly extend?: number;
  /** Progress to show */
  readonly progress?: Progress;
  /** The point from which a later attempt continues: any JSON value, kept as the same text, 65536 bytes at most */
  readonly checkpoint?: unknown;
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
}

export interface KeptLease {
  /** The end of the lease without another heartbeat */
  readonly lease_expires_at: string;
  /** drain: finish this task and claim no other */
  readonly command: 'drain' | null;
  /** Seconds until the next heartbeat */
  readonly heartbeat_interval: number;
}

export interface Completion {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** The output: any JSON value, kept as the same text */
  readonly output?: unknown;
}

export interface TaskStatus {
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
}

export interface Failure {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** The error message, kept unchanged */
  readonly error?: string;
  /** false: no retry, even with attempts left */
  readonly retryable?: boolean;
  /** Seconds before the next attempt, instead of the backoff */
  readonly retry_after?: number;
  /** Exit code of the program */
  readonly exit_code?: number;
  /** lost: the machine failed, not the task; spends an interruption */
  readonly outcome?: 'failed' | 'lost';
  /** A short name for the reason, to filter and count by */
  readonly cause?: string;
  /** The point from which a later attempt continues: any JSON value, kept as the same text, 65536 bytes at most */
  readonly checkpoint?: unknown;
}

export interface Release {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** Seconds until the task can be claimed again */
  readonly delay?: number;
  /** The reason, recorded with the attempt */
  readonly reason?: string;
  /** A short name for the reason, to filter and count by */
  readonly cause?: string;
  /** The point from which a later attempt continues: any JSON value, kept as the same text, 65536 bytes at most */
  readonly checkpoint?: unknown;
}

export interface Batch {
  /** The batch of all tasks that name none; generated when absent */
  readonly batch_id?: string;
  /** URL that gets a webhook when all tasks of the batch have ended */
  readonly callback_url?: string;
  /** Failed tasks that the batch tolerates; one more cancels the rest */
  readonly max_failures?: number;
}

export interface Backoff {
  /** exponential doubles the wait with each failure; fixed keeps it */
  readonly type?: 'exponential' | 'fixed';
  /** Seconds after the first failure */
  readonly delay?: number;
  /** Longest wait in seconds */
  readonly max_delay?: number;
  /** Random addition, as a share of the wait */
  readonly jitter?: number;
}

export interface NewTask {
  /** The id of the task, chosen by the producer; repeating the same content is safe */
  readonly eval_id: string;
  /** The code to run, passed to the worker unchanged; at most 1 MiB */
  readonly code: string;
  /** The language of the code */
  readonly language?: string;
  /** The engine that runs the code */
  readonly engine?: string;
  /** Seconds that one attempt can run */
  readonly timeout?: number;
  /** Higher goes first */
  readonly priority?: number;
  /** The queue; created on first use */
  readonly queue?: string;
  /** Any data for the worker, kept as the same JSON text; at most 16 KiB */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Seconds until it can start; excludes run_at */
  readonly delay?: number;
  /** Earliest start; excludes delay */
  readonly run_at?: string;
  /** Seconds within which it must start; excludes expires_at */
  readonly ttl?: number;
  /** Latest start; excludes ttl */
  readonly expires_at?: string;
  /** Seconds from the enqueue until all attempts must be over; excludes deadline_at */
  readonly deadline?: number;
  /** When all attempts must be over; excludes deadline */
  readonly deadline_at?: string;
  /** Failures until the task is a dead letter */
  readonly max_attempts?: number;
  /** Lost leases that return the task to the queue; one more makes it a dead letter */
  readonly max_interruptions?: number;
  /** The wait between attempts */
  readonly backoff?: Backoff;
  /** URL that gets a webhook when the task ends; http or https, without user and password */
  readonly callback_url?: string;
  /** The owner of the task, such as a user or team. Within a priority, groups take turns; each can be limited */
  readonly group?: string;
  /** Labels that a worker must offer with equal values; at most 8 */
  readonly requires?: Readonly<Record<string, string>>;
  /** The batch of the task */
  readonly batch_id?: string;
}

export interface AcceptedTask {
  /** The index of the item in the request, from 0 */
  readonly index: number;
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its position in the queue; null unless queued */
  readonly position: number | null;
}

export interface RefusedItem {
  /** The index of the item in the request, from 0 */
  readonly index: number;
  /** The reason */
  readonly problem: Problem;
}

export interface BatchAnswer {
  /** The batch of the tasks */
  readonly batch_id: string;
  /** Accepted tasks, including repeated ones */
  readonly accepted: number;
  /** Refused items */
  readonly rejected: number;
  /** In the order of the request */
  readonly results: readonly (AcceptedTask | RefusedItem)[];
}

export interface TaskResults {
  /** Also claims the next tasks */
  readonly claim?: Claim;
}

export interface TaskResult {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** The error message, kept unchanged */
  readonly error?: string;
  /** false: no retry, even with attempts left */
  readonly retryable?: boolean;
  /** Seconds before the next attempt, instead of the backoff */
  readonly retry_after?: number;
  /** Exit code of the program */
  readonly exit_code?: number;
  /** lost: the machine failed, not the task; spends an interruption */
  readonly outcome?: 'failed' | 'lost';
  /** A short name for the reason, to filter and count by */
  readonly cause?: string;
  /** The point from which a later attempt continues: any JSON value, kept as the same text, 65536 bytes at most */
  readonly checkpoint?: unknown;
  /** The id of the task */
  readonly eval_id: string;
  /** How it ended */
  readonly status: 'completed' | 'failed';
  /** The output of a completed task: any JSON value, kept as the same text */
  readonly output?: unknown;
}

export interface FinishedItem {
  /** The index of the item in the request, from 0 */
  readonly index: number;
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
}

export interface FinishedItems {
  /** In the order of the request */
  readonly results: readonly (FinishedItem | RefusedItem)[];
  /** The claimed tasks; only with `claim` */
  readonly tasks?: readonly ClaimedTask[];
  /** Only with `claim`; drain: this worker gets no more tasks */
  readonly command?: 'drain';
}

export interface Heartbeats {
  /** The worker that holds them */
  readonly worker_id: string;
}

export interface HeldLease {
  /** Seconds to extend the lease from now, at most MAX_LEASE_SECONDS; by default the length of the lease */
  readonly extend?: number;
  /** Progress to show */
  readonly progress?: Progress;
  /** The point from which a later attempt continues: any JSON value, kept as the same text, 65536 bytes at most */
  readonly checkpoint?: unknown;
  /** The id of the task */
  readonly eval_id: string;
  /** The lease_id that the claim returned */
  readonly lease_id: string;
}

export interface KeptItem {
  /** The end of the lease without another heartbeat */
  readonly lease_expires_at: string;
  /** drain: finish this task and claim no other */
  readonly command: 'drain' | null;
  /** Seconds until the next heartbeat */
  readonly heartbeat_interval: number;
  /** The id of the task */
  readonly eval_id: string;
  /** The index of the item in the request, from 0 */
  readonly index: number;
}

export interface LostItem {
  /** The index of the item in the request, from 0 */
  readonly index: number;
  /** The reason */
  readonly problem: Problem;
  /** The id of the task; absent if the item is invalid */
  readonly eval_id?: string;
}

export interface KeptLeases {
  /** In the order of the request */
  readonly results: readonly (KeptItem | LostItem)[];
}

export interface Redrive {
  /** The state of the tasks to redrive */
  readonly status: 'failed' | 'expired' | 'cancelled';
  /** Only tasks of this queue */
  readonly queue?: string;
  /** Only tasks of this group */
  readonly group?: string;
  /** Only tasks whose latest attempt ended with this cause */
  readonly cause?: string;
  /** Tasks to redrive at most, newest first */
  readonly limit?: number;
  /** true: drops the checkpoint, so that the next attempt starts from the beginning */
  readonly reset?: boolean;
}

export interface RedrivenTasks {
  /** The tasks are queued again */
  readonly status: 'redriven';
  /** The number of tasks */
  readonly tasks_redriven: number;
}

export interface Cancellation {
  /** The reason, shown in the `message` of the task */
  readonly reason?: string;
}

export interface Priority {
  /** The new priority: higher priorities go first */
  readonly priority: number;
}

export interface EnqueuedTask {
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its position in the queue, 1 for the next task; null unless queued */
  readonly position: number | null;
  /** The queue of the task */
  readonly queue: string;
  /** Higher goes first */
  readonly priority: number;
  /** When it was enqueued */
  readonly queued_at: string;
  /** Its start; null unless delayed */
  readonly run_at: string | null;
  /** The state in words */
  readonly message: string;
}

export interface RedriveOne {
  /** true: drops the checkpoint, so that the next attempt starts from the beginning */
  readonly reset?: boolean;
}

export interface ListedTask {
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its position in the queue, 1 for the next task; null unless queued */
  readonly position: number | null;
  /** The queue of the task */
  readonly queue: string;
  /** Higher goes first */
  readonly priority: number;
  /** When it was enqueued */
  readonly queued_at: string;
  /** Its start; null unless delayed */
  readonly run_at: string | null;
  /** The state in words */
  readonly message: string;
  /** The language of the code */
  readonly language: string;
  /** The engine that runs the code */
  readonly engine: string;
  /** Seconds that one attempt can run */
  readonly timeout: number;
  /** The group of the task */
  readonly group: string | null;
  /** Labels that a worker must offer */
  readonly requires: Readonly<Record<string, string>> | null;
  /** The batch of the task */
  readonly batch_id: string | null;
  /** The webhook URL for its end, without its query */
  readonly callback_url: string | null;
  /** The number of the latest attempt; 0 before the first */
  readonly attempt: number;
  /** Failures until the task is a dead letter */
  readonly max_attempts: number;
  /** Failures so far */
  readonly failures: number;
  /** Lost leases that return the task to the queue */
  readonly max_interruptions: number;
  /** Lost leases so far */
  readonly interruptions: number;
  /** Lost leases during outages, which do not count */
  readonly interruptions_spared: number;
  /** When it last became ready */
  readonly ready_at: string | null;
  /** Latest start */
  readonly expires_at: string | null;
  /** When all attempts must be over */
  readonly deadline_at: string | null;
  /** When the latest attempt started */
  readonly started_at: string | null;
  /** When it ended */
  readonly finished_at: string | null;
  /** The worker that holds it or held it last */
  readonly worker_id: string | null;
  /** The end of the lease without another heartbeat */
  readonly lease_expires_at: string | null;
  /** The last progress that the worker reported */
  readonly progress: Progress | null;
  /** How it ended; lost: no interruptions left; deadline: its deadline passed while it ran */
  readonly outcome: 'completed' | 'failed' | 'lost' | 'deadline' | 'cancelled' | 'expired' | null;
  /** The error of the latest attempt; lists have its beginning */
  readonly error: string | null;
  /** The exit code of the latest attempt */
  readonly exit_code: number | null;
  /** The cause that the worker gave for the latest attempt */
  readonly cause: string | null;
  /** The attempt that saved the checkpoint which the next claim gets; null without one */
  readonly checkpoint_attempt: number | null;
  /** Counts up with each transition, also in events */
  readonly sequence: number;
}

export interface TaskPage {
  /** The newest first */
  readonly tasks: readonly ListedTask[];
  /** The `cursor` of the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface TaskDetails {
  /** The id of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its position in the queue, 1 for the next task; null unless queued */
  readonly position: number | null;
  /** The queue of the task */
  readonly queue: string;
  /** Higher goes first */
  readonly priority: number;
  /** When it was enqueued */
  readonly queued_at: string;
  /** Its start; null unless delayed */
  readonly run_at: string | null;
  /** The state in words */
  readonly message: string;
  /** The language of the code */
  readonly language: string;
  /** The engine that runs the code */
  readonly engine: string;
  /** Seconds that one attempt can run */
  readonly timeout: number;
  /** The group of the task */
  readonly group: string | null;
  /** Labels that a worker must offer */
  readonly requires: Readonly<Record<string, string>> | null;
  /** The batch of the task */
  readonly batch_id: string | null;
  /** The webhook URL for its end, without its query */
  readonly callback_url: string | null;
  /** The number of the latest attempt; 0 before the first */
  readonly attempt: number;
  /** Failures until the task is a dead letter */
  readonly max_attempts: number;
  /** Failures so far */
  readonly failures: number;
  /** Lost leases that return the task to the queue */
  readonly max_interruptions: number;
  /** Lost leases so far */
  readonly interruptions: number;
  /** Lost leases during outages, which do not count */
  readonly interruptions_spared: number;
  /** When it last became ready */
  readonly ready_at: string | null;
  /** Latest start */
  readonly expires_at: string | null;
  /** When all attempts must be over */
  readonly deadline_at: string | null;
  /** When the latest attempt started */
  readonly started_at: string | null;
  /** When it ended */
  readonly finished_at: string | null;
  /** The worker that holds it or held it last */
  readonly worker_id: string | null;
  /** The end of the lease without another heartbeat */
  readonly lease_expires_at: string | null;
  /** The last progress that the worker reported */
  readonly progress: Progress | null;
  /** How it ended; lost: no interruptions left; deadline: its deadline passed while it ran */
  readonly outcome: 'completed' | 'failed' | 'lost' | 'deadline' | 'cancelled' | 'expired' | null;
  /** The error of the latest attempt; lists have its beginning */
  readonly error: string | null;
  /** The exit code of the latest attempt */
  readonly exit_code: number | null;
  /** The cause that the worker gave for the latest attempt */
  readonly cause: string | null;
  /** The attempt that saved the checkpoint which the next claim gets; null without one */
  readonly checkpoint_attempt: number | null;
  /** Counts up with each transition, also in events */
  readonly sequence: number;
  /** The producer’s metadata; absent when there is none, and for viewers */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface TaskAttempt {
  /** The number of the attempt */
  readonly attempt: number;
  /** The worker that held it */
  readonly worker_id: string | null;
  /** When it was claimed */
  readonly started_at: string;
  /** When it ended */
  readonly ended_at: string;
  /** How it ended; lost: the worker or its machine was lost */
  readonly outcome: 'completed' | 'failed' | 'lost' | 'released' | 'cancelled' | 'deadline';
  /** The error message, unchanged */
  readonly error: string | null;
  /** Exit code of the program */
  readonly exit_code: number | null;
  /** The cause that the worker gave */
  readonly cause: string | null;
  /** The last progress that the worker reported */
  readonly progress: Progress | null;
  /** Whether an outage interrupted it, so that it spent no budget */
  readonly is_spared: boolean;
}

export interface TaskAttempts {
  /** The id of the task */
  readonly eval_id: string;
  /** The ended attempts, oldest first */
  readonly attempts: readonly TaskAttempt[];
}

export interface RemovedTask {
  /** The id of the task */
  readonly eval_id: string;
  /** The task is deleted */
  readonly status: 'deleted';
}

export interface ClearedTasks {
  /** The tasks are removed */
  readonly status: 'cleared';
  /** The number of tasks */
  readonly tasks_removed: number;
}

export interface QueueCounts {
  /** Delayed tasks */
  readonly delayed: number;
  /** Ready tasks */
  readonly queued: number;
  /** Tasks held by workers */
  readonly processing: number;
  /** Completed tasks within their retention */
  readonly completed: number;
  /** Dead letters without attempts or interruptions left */
  readonly failed: number;
  /** Cancelled tasks within their retention */
  readonly cancelled: number;
  /** Dead letters that did not start in time */
  readonly expired: number;
  /** Age of the oldest queued task in seconds; null when none is queued */
  readonly oldest_queued_age: number | null;
}

export interface StatusAnswer {
  /** Delayed tasks */
  readonly delayed: number;
  /** Ready tasks */
  readonly queued: number;
  /** Tasks held by workers */
  readonly processing: number;
  /** Completed tasks within their retention */
  readonly completed: number;
  /** Dead letters without attempts or interruptions left */
  readonly failed: number;
  /** Cancelled tasks within their retention */
  readonly cancelled: number;
  /** Dead letters that did not start in time */
  readonly expired: number;
  /** Age of the oldest queued task in seconds; null when none is queued */
  readonly oldest_queued_age: number | null;
  /** The same as `queued` */
  readonly queue_length: number;
  /** Tasks in all states */
  readonly total_tasks: number;
  /** The same by queue */
  readonly queues: Readonly<Record<string, QueueCounts>>;
}

export interface StoredArtifact {
  /** The name, in Unicode normalization form C */
  readonly name: string;
  /** Bytes */
  readonly size: number;
  /** The SHA-256 of the bytes, in hexadecimal digits */
  readonly sha256: string;
  /** The `Content-Type` of the upload */
  readonly content_type: string;
  /** The attempt that sent it */
  readonly attempt: number;
  /** When the upload was stored */
  readonly created_at: string;
}

export interface TaskArtifacts {
  /** The id of the task */
  readonly eval_id: string;
  /** The artifacts, by name */
  readonly artifacts: readonly StoredArtifact[];
}

export interface RateLimit {
  /** Tasks per period, and the largest burst */
  readonly tasks?: number;
  /** Length of the period in seconds */
  readonly per?: number;
}

export interface OutageGuard {
  /** Seconds; the guard judges the attempts that ended within them */
  readonly window?: number;
  /** With fewer ended attempts there is no outage */
  readonly min_attempts?: number;
  /** Share of interruptions that makes an outage */
  readonly share?: number;
}

export interface QueueOutage {
  /** The first interruption of the outage */
  readonly since: string;
}

export interface QueueStatistics {
  /** Ready tasks */
  readonly ready: number;
  /** Tasks held by workers */
  readonly leased: number;
  /** Delayed tasks */
  readonly delayed: number;
  /** ready plus leased, for scaling workers */
  readonly backlog: number;
  /** Age of the oldest ready task; null when none is ready */
  readonly oldest_ready_age_seconds: number | null;
}

export interface QueueDetails {
  /** The name of the queue */
  readonly queue: string;
  /** Whether the queue is paused */
  readonly paused: boolean;
  /** Most waiting tasks */
  readonly max_depth: number | null;
  /** Most tasks held at the same time */
  readonly max_concurrency: number | null;
  /** The same for each group */
  readonly max_concurrency_per_group: number | null;
  /** The rate limit of claims */
  readonly rate_limit: RateLimit | null;
  /** Seconds of waiting that add one point of priority */
  readonly priority_ageing: number | null;
  /** When interruptions count as an outage; null: the guard is off */
  readonly outage_guard: OutageGuard | null;
  /** The present outage; interruptions spend no budget, and the queue hands out one task a second */
  readonly outage: QueueOutage | null;
  /** The current statistics */
  readonly stats: QueueStatistics;
}

export interface QueueList {
  /** Queues by name */
  readonly queues: readonly QueueDetails[];
}

export interface QueueChange {
  /** true pauses claims; the queue still accepts tasks */
  readonly paused?: boolean | null;
  /** Most waiting tasks; one more gets 429 */
  readonly max_depth?: number | null;
  /** Most tasks held at the same time */
  readonly max_concurrency?: number | null;
  /** The same for each group */
  readonly max_concurrency_per_group?: number | null;
  /** The rate limit of claims */
  readonly rate_limit?: RateLimit | null;
  /** Seconds of waiting that add one point of priority */
  readonly priority_ageing?: number | null;
  /** When interruptions count as an outage; `{}` restores the default, null turns the guard off */
  readonly outage_guard?: OutageGuard | null;
}

export interface BatchCounts {
  /** Delayed tasks */
  readonly delayed: number;
  /** Queued tasks */
  readonly queued: number;
  /** Tasks held by workers */
  readonly processing: number;
  /** Completed tasks */
  readonly completed: number;
  /** Dead letters without attempts or interruptions left */
  readonly failed: number;
  /** Cancelled tasks */
  readonly cancelled: number;
  /** Expired tasks */
  readonly expired: number;
}

export interface BatchStatus {
  /** The id of the batch */
  readonly batch_id: string;
  /** done: each task has ended. A new task or a redrive makes it running again */
  readonly status: 'running' | 'done';
  /** All tasks, including ended ones until their retention is over */
  readonly total: number;
  /** Tasks that have not ended */
  readonly pending: number;
  /** Tasks by state */
  readonly counts: BatchCounts;
  /** When it was created; null if its tasks came one by one */
  readonly created_at: string | null;
  /** When the last task ended */
  readonly done_at: string | null;
  /** When the batch was last cancelled as a whole */
  readonly cancelled_at: string | null;
  /** URL that gets a webhook when the batch is done */
  readonly callback_url: string | null;
  /** Failed tasks that the batch tolerates; one more cancels the rest */
  readonly max_failures: number | null;
}

export interface BatchList {
  /** The newest first */
  readonly batches: readonly BatchStatus[];
  /** The `cursor` of the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface BatchCancellation {
  /** The reason, shown in the `message` of each task */
  readonly reason?: string;
  /** Only tasks whose latest attempt ended with this cause */
  readonly cause?: string;
}

export interface CancelledBatch {
  /** The id of the batch */
  readonly batch_id: string;
  /** The number of cancelled tasks */
  readonly tasks_cancelled: number;
}

export interface BatchRedrive {
  /** failed: only tasks without attempts left; lost: only tasks without interruptions left; deadline: only tasks whose deadline passed; by default all, and expired tasks */
  readonly outcome?: 'failed' | 'lost' | 'deadline';
  /** true: drops the checkpoint, so that the next attempt starts from the beginning */
  readonly reset?: boolean;
  /** Only tasks whose latest attempt ended with this cause */
  readonly cause?: string;
}

export interface RedrivenBatch {
  /** The id of the batch */
  readonly batch_id: string;
  /** The number of tasks queued again */
  readonly tasks_redriven: number;
}

export interface TaskTemplate {
  /** The code to run, passed to the worker unchanged; at most 1 MiB */
  readonly code: string;
  /** The language of the code */
  readonly language?: string;
  /** The engine that runs the code */
  readonly engine?: string;
  /** Seconds that one attempt can run */
  readonly timeout?: number;
  /** Higher goes first */
  readonly priority?: number;
  /** The queue; created on first use */
  readonly queue?: string;
  /** Any data for the worker, kept as the same JSON text; at most 16 KiB */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Seconds until it can start; excludes run_at */
  readonly delay?: number;
  /** Seconds within which it must start; excludes expires_at */
  readonly ttl?: number;
  /** Seconds from the enqueue until all attempts must be over; excludes deadline_at */
  readonly deadline?: number;
  /** When all attempts must be over; excludes deadline */
  readonly deadline_at?: string;
  /** Failures until the task is a dead letter */
  readonly max_attempts?: number;
  /** Lost leases that return the task to the queue; one more makes it a dead letter */
  readonly max_interruptions?: number;
  /** The wait between attempts */
  readonly backoff?: Backoff;
  /** URL that gets a webhook when the task ends; http or https, without user and password */
  readonly callback_url?: string;
  /** The owner of the task, such as a user or team. Within a priority, groups take turns; each can be limited */
  readonly group?: string;
  /** Labels that a worker must offer with equal values; at most 8 */
  readonly requires?: Readonly<Record<string, string>>;
  /** The batch of the task */
  readonly batch_id?: string;
}

export interface NewSchedule {
  /** The id of the schedule, and the beginning of its tasks’ ids */
  readonly schedule_id: string;
  /** Cron expression: minute, hour, day of the month, month, day of the week; six fields begin with the seconds; or @hourly, @daily, @weekly, @monthly, @yearly */
  readonly cron: string;
  /** The name of the time zone of `cron` */
  readonly timezone?: string;
  /** What to enqueue for missed due times: skip: nothing; one: a task for the latest; all: a task for each of the latest 1000 */
  readonly catch_up?: 'skip' | 'one' | 'all';
  /** true enqueues nothing. The service skips due times during a pause */
  readonly paused?: boolean;
  /** The task to enqueue, without eval_id, run_at and expires_at */
  readonly task: TaskTemplate;
}

export interface ScheduleDetails {
  /** The id of the schedule */
  readonly schedule_id: string;
  /** The cron expression */
  readonly cron: string;
  /** The time zone of `cron` */
  readonly timezone: string;
  /** What to enqueue for missed due times */
  readonly catch_up: 'skip' | 'one' | 'all';
  /** Whether the schedule is paused */
  readonly paused: boolean;
  /** The queue of its tasks */
  readonly queue: string;
  /** When it was created */
  readonly created_at: string;
  /** When it was last changed */
  readonly updated_at: string;
  /** The latest due time with an enqueued task */
  readonly last_due_at: string | null;
  /** The id of that task */
  readonly last_eval_id: string | null;
  /** The next five due times; empty while paused */
  readonly next_due_at: readonly string[];
  /** The task to enqueue; absent for viewers */
  readonly task?: Readonly<Record<string, unknown>>;
}

export interface ListedSchedule {
  /** The id of the schedule */
  readonly schedule_id: string;
  /** The cron expression */
  readonly cron: string;
  /** The time zone of `cron` */
  readonly timezone: string;
  /** What to enqueue for missed due times */
  readonly catch_up: 'skip' | 'one' | 'all';
  /** Whether the schedule is paused */
  readonly paused: boolean;
  /** The queue of its tasks */
  readonly queue: string;
  /** When it was created */
  readonly created_at: string;
  /** When it was last changed */
  readonly updated_at: string;
  /** The latest due time with an enqueued task */
  readonly last_due_at: string | null;
  /** The id of that task */
  readonly last_eval_id: string | null;
  /** The next five due times; empty while paused */
  readonly next_due_at: readonly string[];
}

export interface SchedulePage {
  /** The newest first */
  readonly schedules: readonly ListedSchedule[];
  /** The `cursor` of the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface RemovedSchedule {
  /** The id of the schedule */
  readonly schedule_id: string;
  /** The schedule is deleted; its tasks stay */
  readonly status: 'deleted';
}

export interface Quarantine {
  /** When it began */
  readonly since: string;
  /** The reason */
  readonly reason: string;
}

export interface ListedWorker {
  /** The id of the worker */
  readonly worker_id: string;
  /** busy: holds tasks and the service heard from it recently; idle: holds no task and was active within a third of WORKER_FORGET_SECONDS, or has a parked poll; silent: holds tasks and missed two heartbeats of its shortest lease; gone: signed off, or holds no task and was inactive for longer */
  readonly state: 'busy' | 'idle' | 'silent' | 'gone';
  /** draining: it gets no more tasks */
  readonly status: 'active' | 'draining';
  /** Why the service gives it no more tasks until it is resumed */
  readonly quarantine: Quarantine | null;
  /** When the service first saw it since it last left the list */
  readonly first_seen_at: string;
  /** When it last claimed, sent a heartbeat, reported or signed off; now, while it has a parked poll */
  readonly last_seen_at: string;
  /** The queues of its last claim */
  readonly queues: readonly string[];
  /** The tasks that it holds, newest first, at most 100 */
  readonly held_tasks: readonly string[];
  /** The number of tasks that it holds */
  readonly held: number;
  /** Completed attempts since it was first seen, in queues that the key has access to */
  readonly completed: number;
  /** Failed attempts since then */
  readonly failed: number;
  /** Lost leases since then */
  readonly lost: number;
}

export interface WorkerList {
  /** Workers by id */
  readonly workers: readonly ListedWorker[];
}

export interface WorkerStatus {
  /** The id of the worker */
  readonly worker_id: string;
  /** The new status of the worker */
  readonly status: 'active' | 'draining';
}

export interface WebhookDelivery {
  /** The id of the delivery */
  readonly delivery_id: string;
  /** The `webhook-id` of the message */
  readonly message_id: string;
  /** parked: the service no longer retries it, after WEBHOOK_RETRY_SECONDS or a 410 */
  readonly status: 'pending' | 'delivered' | 'parked';
  /** The URL without its query */
  readonly url: string | null;
  /** Attempts so far */
  readonly attempts: number;
  /** When the event was recorded */
  readonly created_at: string;
  /** When the next attempt is due */
  readonly next_attempt_at: string | null;
  /** When the service gives up */
  readonly gives_up_at: string;
  /** When it was delivered or parked */
  readonly ended_at: string | null;
  /** The last status of the receiver */
  readonly last_status: number | null;
  /** Why the last attempt got no answer */
  readonly last_error: string | null;
  /** The beginning of the last answer, up to 1024 bytes */
  readonly last_answer: string | null;
  /** The event */
  readonly event: Readonly<Record<string, unknown>>;
}

export interface WebhookDeliveryPage {
  /** The newest first */
  readonly deliveries: readonly WebhookDelivery[];
  /** The `cursor` of the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface Redelivery {
  /** The id of the delivery */
  readonly delivery_id: string;
  /** The delivery is due at once */
  readonly status: 'pending';
}

export interface HealthAnswer {
  /** unhealthy: the store cannot accept writes */
  readonly status: 'healthy' | 'unhealthy';
  /** The name of the service */
  readonly service: 'queue';
  /** Ready tasks; null when unhealthy */
  readonly queue_size: number | null;
  /** Tasks in all states; null when unhealthy */
  readonly total_tasks: number | null;
  /** Whether events are published and, with tasks in Redis, transitions of other processes arrive; not part of `status` */
  readonly redis: 'connected' | 'disconnected';
  /** The version of the service */
  readonly version: string;
  /** Seconds since the start of the process */
  readonly uptime: number;
}

export interface LiveAnswer {
  /** The process answers */
  readonly status: 'alive';
}

export interface ReadyAnswer {
  /** Check readiness */
  readonly status: 'ready' | 'not ready';
}

export interface Percentiles {
  /** The median in seconds */
  readonly p50: number;
  /** The 95th percentile in seconds */
  readonly p95: number;
  /** The 99th percentile in seconds */
  readonly p99: number;
}

export interface TimelineStep {
  /** The start of the step */
  readonly at: string;
  /** Enqueued tasks */
  readonly enqueued: number;
  /** Claimed tasks */
  readonly started: number;
  /** Completed tasks */
  readonly completed: number;
  /** New dead letters */
  readonly failed: number;
  /** Cancelled tasks */
  readonly cancelled: number;
  /** Expired tasks */
  readonly expired: number;
  /** Failed attempts with a retry */
  readonly retried: number;
  /** Lost attempts */
  readonly lost: number;
  /** Seconds from ready to claimed; null without claims */
  readonly wait: Percentiles | null;
  /** Seconds from claimed to the end of the attempt; null without ended attempts */
  readonly run: Percentiles | null;
}

export interface TimelineAnswer {
  /** Seconds per step */
  readonly step: number;
  /** Oldest first; the last step is incomplete */
  readonly points: readonly TimelineStep[];
}

export interface AppendedLog {
  /** The attempt that the lease belongs to */
  readonly attempt: number;
  /** The bytes that the attempt has sent, and so the offset of the next chunk */
  readonly size: number;
}
