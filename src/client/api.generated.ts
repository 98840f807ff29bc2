// Generated from docs/openapi.json by `npm run docs`: what the service takes and answers.

export interface ProblemField {
  /** JSON pointer into the body, or the name of a query parameter */
  readonly pointer: string;
  /** What is wrong with it */
  readonly detail: string;
}

export interface Problem {
  /** Names the kind of problem */
  readonly type: string;
  /** The kind of problem in words */
  readonly title: string;
  /** The HTTP status */
  readonly status: number;
  /** One sentence that a person can act on */
  readonly detail: string;
  /** What a program should branch on */
  readonly code: 'malformed_request' | 'unauthorized' | 'forbidden' | 'not_found' | 'task_not_found' | 'schedule_not_found' | 'worker_not_found' | 'batch_not_found' | 'delivery_not_found' | 'no_output' | 'method_not_allowed' | 'request_timeout' | 'conflict' | 'name_taken' | 'not_claimed' | 'lease_lost' | 'task_ended' | 'task_damaged' | 'not_finished' | 'not_redrivable' | 'too_large' | 'unsupported_media_type' | 'expectation_failed' | 'invalid_request' | 'lease_required' | 'rate_limited' | 'queue_full' | 'too_many_waiters' | 'too_many_readers' | 'headers_too_large' | 'internal_error' | 'store_unavailable' | 'draining';
  /** The fields at fault */
  readonly errors?: readonly ProblemField[];
  /** Whether the change was made all the same */
  readonly applied?: false | 'unknown';
  /** With lease_lost: what happened to the lease */
  readonly reason?: 'expired' | 'cancelled' | 'reassigned' | 'cleared';
}

export interface ClaimedTask {
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'processing';
  /** The language of the code */
  readonly language: string;
  /** What is to run the code */
  readonly engine: string;
  /** Seconds that this attempt may run */
  readonly timeout: number;
  /** Higher goes first */
  readonly priority: number;
  /** The queue it was in */
  readonly queue: string;
  /** When it was enqueued */
  readonly queued_at: string;
  /** Whose it is */
  readonly group: string | null;
  /** What a worker must offer to get it */
  readonly requires: Readonly<Record<string, string>> | null;
  /** What it belongs to */
  readonly batch_id: string | null;
  /** The number of this attempt */
  readonly attempt: number;
  /** Failures before it is a dead letter */
  readonly max_attempts: number;
  /** Lost leases that are forgiven */
  readonly max_interruptions: number;
  /** Who claimed it */
  readonly worker_id: string | null;
  /** The right to work on it: send it with every call about this attempt */
  readonly lease_id: string;
  /** Until when it is held without a heartbeat */
  readonly lease_expires_at: string;
  /** Seconds between heartbeats that keep the lease, also when two are lost */
  readonly heartbeat_interval: number;
  /** The trace context of the producer */
  readonly traceparent: string | null;
  /** What the producer sent along, as the same JSON text */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** What to run, to the letter */
  readonly code: string;
}

export interface Claim {
  /** Who claims */
  readonly worker_id: string;
  /** Queues to take from: a list is looked at in its order; of `{"a": 3, "b": 1}` a is looked at first three times out of four */
  readonly queues?: readonly string[] | Readonly<Record<string, number>>;
  /** Tasks to take at most */
  readonly max_tasks?: number;
  /** Seconds to wait for a task */
  readonly wait?: number;
  /** Seconds to hold each task without a heartbeat, cut to MAX_LEASE_SECONDS; by default its timeout and a grace */
  readonly lease?: number;
  /** What the worker offers, 32 labels at most: it gets tasks that require nothing else */
  readonly labels?: Readonly<Record<string, string>>;
  /** Names this call: the same call again returns the tasks it still holds */
  readonly claim_id?: string;
}

export interface ClaimedTasks {
  /** Empty when nothing is ready */
  readonly tasks: readonly ClaimedTask[];
  /** drain: this worker gets nothing any more */
  readonly command?: 'drain';
}

export interface Progress {
  /** How far it is */
  readonly percent?: number;
  /** What it is doing */
  readonly message?: string;
}

export interface Heartbeat {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** Seconds to hold it from now, cut to MAX_LEASE_SECONDS; by default the length of the lease */
  readonly extend?: number;
  /** What to show of the work */
  readonly progress?: Progress;
}

export interface KeptLease {
  /** Until when the task is held without a further heartbeat */
  readonly lease_expires_at: string;
  /** drain: finish this task and claim no other */
  readonly command: 'drain' | null;
  /** Seconds until the next heartbeat */
  readonly heartbeat_interval: number;
}

export interface Completion {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** What came out: any JSON value; kept as the same text */
  readonly output?: unknown;
}

export interface TaskStatus {
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
}

export interface Failure {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** What went wrong; kept to the letter */
  readonly error?: string;
  /** false: do not try again, whatever attempts are left */
  readonly retryable?: boolean;
  /** Seconds before the next attempt, instead of the backoff */
  readonly retry_after?: number;
  /** Exit code of what ran */
  readonly exit_code?: number;
  /** lost: the machine failed, not the task; spends an interruption */
  readonly outcome?: 'failed' | 'lost';
}

export interface Release {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** Seconds before it may be claimed again */
  readonly delay?: number;
  /** Why; kept in the history */
  readonly reason?: string;
}

export interface Batch {
  /** What the tasks belong to unless they say otherwise; made up when absent */
  readonly batch_id?: string;
  /** Kept with the batch, and told when each of its tasks has ended */
  readonly callback_url?: string;
  /** More failed tasks than that cancel the rest of the batch */
  readonly max_failures?: number;
}

export interface Backoff {
  /** Doubling, or always the same */
  readonly type?: 'exponential' | 'fixed';
  /** Seconds after the first failure */
  readonly delay?: number;
  /** Seconds at most */
  readonly max_delay?: number;
  /** Share of the wait that is added at random */
  readonly jitter?: number;
}

export interface NewTask {
  /** The name of the task, chosen by the producer; the same content may be sent under it again */
  readonly eval_id: string;
  /** What to run; handed to the worker to the byte, 1 MiB at most */
  readonly code: string;
  /** The language of the code */
  readonly language?: string;
  /** What runs the code */
  readonly engine?: string;
  /** Seconds that one attempt may run */
  readonly timeout?: number;
  /** Higher goes first */
  readonly priority?: number;
  /** The queue it waits in; created by use */
  readonly queue?: string;
  /** Anything the worker should know; comes back as the same JSON text, 16 KiB at most */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Seconds before it may start; not together with run_at */
  readonly delay?: number;
  /** When it may start; not together with delay */
  readonly run_at?: string;
  /** Seconds within which it must start; not together with expires_at */
  readonly ttl?: number;
  /** When it expires if it has not started; not together with ttl */
  readonly expires_at?: string;
  /** Failures before it is a dead letter */
  readonly max_attempts?: number;
  /** Lost leases that are forgiven before it is a dead letter */
  readonly max_interruptions?: number;
  /** How long to wait between attempts */
  readonly backoff?: Backoff;
  /** Is told of the end of the task by a webhook; http or https, without user and password */
  readonly callback_url?: string;
  /** Whose it is: a user, a team. Groups of a queue take turns within a priority, and may be limited each by itself */
  readonly group?: string;
  /** What a worker must offer to get it, 8 labels at most; values must be equal */
  readonly requires?: Readonly<Record<string, string>>;
  /** What it belongs to */
  readonly batch_id?: string;
}

export interface AcceptedTask {
  /** The place of the item in the request, from 0 */
  readonly index: number;
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its place in the queue; null unless it is queued */
  readonly position: number | null;
}

export interface RefusedItem {
  /** The place of the item in the request, from 0 */
  readonly index: number;
  /** Why */
  readonly problem: Problem;
}

export interface BatchAnswer {
  /** What the tasks belong to */
  readonly batch_id: string;
  /** Tasks that were taken, or were there before */
  readonly accepted: number;
  /** Items that were refused */
  readonly rejected: number;
  /** In the order of the request */
  readonly results: readonly (AcceptedTask | RefusedItem)[];
}

export interface TaskResults {
  /** Takes the next tasks in the same round trip */
  readonly claim?: Claim;
}

export interface TaskResult {
  /** The lease_id that the claim returned */
  readonly lease_id?: string;
  /** What went wrong; kept to the letter */
  readonly error?: string;
  /** false: do not try again, whatever attempts are left */
  readonly retryable?: boolean;
  /** Seconds before the next attempt, instead of the backoff */
  readonly retry_after?: number;
  /** Exit code of what ran */
  readonly exit_code?: number;
  /** lost: the machine failed, not the task; spends an interruption */
  readonly outcome?: 'failed' | 'lost';
  /** Which task */
  readonly eval_id: string;
  /** How it ended */
  readonly status: 'completed' | 'failed';
  /** What came out of a completed task: any JSON value; kept as the same text */
  readonly output?: unknown;
}

export interface FinishedItem {
  /** The place of the item in the request, from 0 */
  readonly index: number;
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
}

export interface FinishedItems {
  /** In the order of the request */
  readonly results: readonly (FinishedItem | RefusedItem)[];
  /** The next tasks; with `claim` only */
  readonly tasks?: readonly ClaimedTask[];
  /** With `claim` only: this worker gets nothing any more */
  readonly command?: 'drain';
}

export interface HeldLease {
  /** Which task */
  readonly eval_id: string;
  /** The lease_id that the claim returned */
  readonly lease_id: string;
}

export interface Heartbeats {
  /** Who holds them */
  readonly worker_id: string;
  /** The leases to keep */
  readonly leases: readonly HeldLease[];
}

export interface KeptItem {
  /** Until when the task is held without a further heartbeat */
  readonly lease_expires_at: string;
  /** drain: finish this task and claim no other */
  readonly command: 'drain' | null;
  /** Seconds until the next heartbeat */
  readonly heartbeat_interval: number;
  /** The name of the task */
  readonly eval_id: string;
  /** The place of the item in the request, from 0 */
  readonly index: number;
}

export interface LostItem {
  /** The place of the item in the request, from 0 */
  readonly index: number;
  /** Why */
  readonly problem: Problem;
  /** The name of the task */
  readonly eval_id: string;
}

export interface KeptLeases {
  /** In the order of the request */
  readonly results: readonly (KeptItem | LostItem)[];
}

export interface Redrive {
  /** Which ended tasks to give back to their queues */
  readonly status: 'failed' | 'expired' | 'cancelled';
  /** Only tasks of this queue */
  readonly queue?: string;
  /** Only tasks of this group */
  readonly group?: string;
  /** At most this many, the newest first */
  readonly limit?: number;
}

export interface RedrivenTasks {
  /** They are back in their queues */
  readonly status: 'redriven';
  /** How many there were */
  readonly tasks_redriven: number;
}

export interface Cancellation {
  /** Why; shown in the `message` of the task */
  readonly reason?: string;
}

export interface EnqueuedTask {
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its place in the queue, 1 for the one that is claimed next; null unless it is queued */
  readonly position: number | null;
  /** The queue it is in */
  readonly queue: string;
  /** Higher goes first */
  readonly priority: number;
  /** When it was enqueued */
  readonly queued_at: string;
  /** When it may start; null unless it is delayed */
  readonly run_at: string | null;
  /** Its state in words */
  readonly message: string;
}

export interface ListedTask {
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its place in the queue, 1 for the one that is claimed next; null unless it is queued */
  readonly position: number | null;
  /** The queue it is in */
  readonly queue: string;
  /** Higher goes first */
  readonly priority: number;
  /** When it was enqueued */
  readonly queued_at: string;
  /** When it may start; null unless it is delayed */
  readonly run_at: string | null;
  /** Its state in words */
  readonly message: string;
  /** The language of the code */
  readonly language: string;
  /** What runs the code */
  readonly engine: string;
  /** Seconds that one attempt may run */
  readonly timeout: number;
  /** Whose it is */
  readonly group: string | null;
  /** What a worker must offer to get it */
  readonly requires: Readonly<Record<string, string>> | null;
  /** What it belongs to */
  readonly batch_id: string | null;
  /** What is told of its end, without the query of the address */
  readonly callback_url: string | null;
  /** The number of the latest attempt; 0 before the first */
  readonly attempt: number;
  /** Failures before it is a dead letter */
  readonly max_attempts: number;
  /** Failures so far */
  readonly failures: number;
  /** Lost leases that are forgiven */
  readonly max_interruptions: number;
  /** Lost leases so far */
  readonly interruptions: number;
  /** When it could last be claimed from */
  readonly ready_at: string | null;
  /** When it expires if it has not started */
  readonly expires_at: string | null;
  /** When the latest attempt started */
  readonly started_at: string | null;
  /** When it ended */
  readonly finished_at: string | null;
  /** Who holds it, or held it last */
  readonly worker_id: string | null;
  /** Until when it is held without a further heartbeat */
  readonly lease_expires_at: string | null;
  /** What its worker said last */
  readonly progress: Progress | null;
  /** How it ended; lost: its workers were lost too often */
  readonly outcome: 'completed' | 'failed' | 'lost' | 'cancelled' | 'expired' | null;
  /** The error of the latest attempt; a list shows its beginning */
  readonly error: string | null;
  /** The exit code of the latest attempt */
  readonly exit_code: number | null;
  /** Counts up with every transition; events carry it too */
  readonly sequence: number;
}

export interface TaskPage {
  /** The newest first */
  readonly tasks: readonly ListedTask[];
  /** Send it as `cursor` for the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface TaskDetails {
  /** The name of the task */
  readonly eval_id: string;
  /** The state of the task */
  readonly status: 'delayed' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Its place in the queue, 1 for the one that is claimed next; null unless it is queued */
  readonly position: number | null;
  /** The queue it is in */
  readonly queue: string;
  /** Higher goes first */
  readonly priority: number;
  /** When it was enqueued */
  readonly queued_at: string;
  /** When it may start; null unless it is delayed */
  readonly run_at: string | null;
  /** Its state in words */
  readonly message: string;
  /** The language of the code */
  readonly language: string;
  /** What runs the code */
  readonly engine: string;
  /** Seconds that one attempt may run */
  readonly timeout: number;
  /** Whose it is */
  readonly group: string | null;
  /** What a worker must offer to get it */
  readonly requires: Readonly<Record<string, string>> | null;
  /** What it belongs to */
  readonly batch_id: string | null;
  /** What is told of its end, without the query of the address */
  readonly callback_url: string | null;
  /** The number of the latest attempt; 0 before the first */
  readonly attempt: number;
  /** Failures before it is a dead letter */
  readonly max_attempts: number;
  /** Failures so far */
  readonly failures: number;
  /** Lost leases that are forgiven */
  readonly max_interruptions: number;
  /** Lost leases so far */
  readonly interruptions: number;
  /** When it could last be claimed from */
  readonly ready_at: string | null;
  /** When it expires if it has not started */
  readonly expires_at: string | null;
  /** When the latest attempt started */
  readonly started_at: string | null;
  /** When it ended */
  readonly finished_at: string | null;
  /** Who holds it, or held it last */
  readonly worker_id: string | null;
  /** Until when it is held without a further heartbeat */
  readonly lease_expires_at: string | null;
  /** What its worker said last */
  readonly progress: Progress | null;
  /** How it ended; lost: its workers were lost too often */
  readonly outcome: 'completed' | 'failed' | 'lost' | 'cancelled' | 'expired' | null;
  /** The error of the latest attempt; a list shows its beginning */
  readonly error: string | null;
  /** The exit code of the latest attempt */
  readonly exit_code: number | null;
  /** Counts up with every transition; events carry it too */
  readonly sequence: number;
  /** As the producer sent it; absent when there is none, and for viewers */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface TaskAttempt {
  /** Counts up with every claim */
  readonly attempt: number;
  /** Who held it */
  readonly worker_id: string | null;
  /** When it was claimed */
  readonly started_at: string;
  /** When it ended */
  readonly ended_at: string;
  /** How it ended; lost: the worker was, or its machine */
  readonly outcome: 'completed' | 'failed' | 'lost' | 'released' | 'cancelled';
  /** What went wrong, to the letter */
  readonly error: string | null;
  /** Exit code of what ran */
  readonly exit_code: number | null;
}

export interface TaskAttempts {
  /** The name of the task */
  readonly eval_id: string;
  /** Those that have ended, the oldest first */
  readonly attempts: readonly TaskAttempt[];
}

export interface RemovedTask {
  /** The name of the task */
  readonly eval_id: string;
  /** It is gone */
  readonly status: 'deleted';
}

export interface ClearedTasks {
  /** They are gone */
  readonly status: 'cleared';
  /** How many there were */
  readonly tasks_removed: number;
}

export interface QueueCounts {
  /** Tasks that wait for their time */
  readonly delayed: number;
  /** Tasks that could be claimed now */
  readonly queued: number;
  /** Tasks that a worker holds */
  readonly processing: number;
  /** Tasks that succeeded and are still kept */
  readonly completed: number;
  /** Dead letters: tasks whose budget ran out */
  readonly failed: number;
  /** Tasks that were cancelled and are still kept */
  readonly cancelled: number;
  /** Dead letters: tasks that did not start in time */
  readonly expired: number;
  /** Seconds that the oldest queued task has waited; null when none is queued */
  readonly oldest_queued_age: number | null;
}

export interface StatusAnswer {
  /** Tasks that wait for their time */
  readonly delayed: number;
  /** Tasks that could be claimed now */
  readonly queued: number;
  /** Tasks that a worker holds */
  readonly processing: number;
  /** Tasks that succeeded and are still kept */
  readonly completed: number;
  /** Dead letters: tasks whose budget ran out */
  readonly failed: number;
  /** Tasks that were cancelled and are still kept */
  readonly cancelled: number;
  /** Dead letters: tasks that did not start in time */
  readonly expired: number;
  /** Seconds that the oldest queued task has waited; null when none is queued */
  readonly oldest_queued_age: number | null;
  /** The same as `queued` */
  readonly queue_length: number;
  /** Every task that is known, in whatever state */
  readonly total_tasks: number;
  /** The same by queue */
  readonly queues: Readonly<Record<string, QueueCounts>>;
}

export interface RateLimit {
  /** Tasks handed out at most, also all at once */
  readonly tasks?: number;
  /** Seconds for so many */
  readonly per?: number;
}

export interface QueueStatistics {
  /** Tasks that can be claimed */
  readonly ready: number;
  /** Tasks that are being worked on */
  readonly leased: number;
  /** Tasks that wait for their time */
  readonly delayed: number;
  /** ready and leased together: the number to scale workers by */
  readonly backlog: number;
  /** Seconds; null when nothing is ready */
  readonly oldest_ready_age_seconds: number | null;
}

export interface QueueDetails {
  /** The name of the queue */
  readonly queue: string;
  /** Whether it hands out nothing */
  readonly paused: boolean;
  /** Tasks that may wait */
  readonly max_depth: number | null;
  /** Tasks that may be worked on at the same time */
  readonly max_concurrency: number | null;
  /** The same for each group */
  readonly max_concurrency_per_group: number | null;
  /** How fast tasks may be handed out */
  readonly rate_limit: RateLimit | null;
  /** Seconds of waiting that are worth one point of priority */
  readonly priority_ageing: number | null;
  /** How it is now */
  readonly stats: QueueStatistics;
}

export interface QueueList {
  /** By name */
  readonly queues: readonly QueueDetails[];
}

export interface QueueChange {
  /** Hand out nothing; enqueues go on */
  readonly paused?: boolean | null;
  /** Tasks that may wait; one more is answered 429 */
  readonly max_depth?: number | null;
  /** Tasks that may be worked on at the same time */
  readonly max_concurrency?: number | null;
  /** The same for each group */
  readonly max_concurrency_per_group?: number | null;
  /** How fast tasks may be handed out */
  readonly rate_limit?: RateLimit | null;
  /** Seconds of waiting that are worth one point of priority */
  readonly priority_ageing?: number | null;
}

export interface BatchCounts {
  /** Wait for their time */
  readonly delayed: number;
  /** Wait for a worker */
  readonly queued: number;
  /** Are being worked on */
  readonly processing: number;
  /** Were completed */
  readonly completed: number;
  /** Are dead letters: they failed, or their workers were lost, too often */
  readonly failed: number;
  /** Were cancelled */
  readonly cancelled: number;
  /** Expired before they were started */
  readonly expired: number;
}

export interface BatchStatus {
  /** The name of the batch */
  readonly batch_id: string;
  /** done: each of its tasks has ended. It may grow again */
  readonly status: 'running' | 'done';
  /** Tasks that are known; ended ones are forgotten after their retention */
  readonly total: number;
  /** Tasks that have not ended */
  readonly pending: number;
  /** Tasks by state */
  readonly counts: BatchCounts;
  /** When it was made; null when its tasks came one by one */
  readonly created_at: string | null;
  /** When its last task ended */
  readonly done_at: string | null;
  /** When what was left of it was last cancelled as a whole */
  readonly cancelled_at: string | null;
  /** Is told when the batch is done */
  readonly callback_url: string | null;
  /** More failed tasks than that cancel the rest */
  readonly max_failures: number | null;
}

export interface BatchList {
  /** The newest first */
  readonly batches: readonly BatchStatus[];
  /** Send it as `cursor` for the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface BatchCancellation {
  /** Why; shown in the `message` of each task */
  readonly reason?: string;
}

export interface CancelledBatch {
  /** The name of the batch */
  readonly batch_id: string;
  /** How many tasks were cancelled */
  readonly tasks_cancelled: number;
}

export interface BatchRedrive {
  /** Only tasks that failed by themselves, or only those whose workers were lost; by default both, and the expired */
  readonly outcome?: 'failed' | 'lost';
}

export interface RedrivenBatch {
  /** The name of the batch */
  readonly batch_id: string;
  /** How many tasks wait again */
  readonly tasks_redriven: number;
}

export interface TaskTemplate {
  /** What to run; handed to the worker to the byte, 1 MiB at most */
  readonly code: string;
  /** The language of the code */
  readonly language?: string;
  /** What runs the code */
  readonly engine?: string;
  /** Seconds that one attempt may run */
  readonly timeout?: number;
  /** Higher goes first */
  readonly priority?: number;
  /** The queue it waits in; created by use */
  readonly queue?: string;
  /** Anything the worker should know; comes back as the same JSON text, 16 KiB at most */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Seconds before it may start; not together with run_at */
  readonly delay?: number;
  /** Seconds within which it must start; not together with expires_at */
  readonly ttl?: number;
  /** Failures before it is a dead letter */
  readonly max_attempts?: number;
  /** Lost leases that are forgiven before it is a dead letter */
  readonly max_interruptions?: number;
  /** How long to wait between attempts */
  readonly backoff?: Backoff;
  /** Is told of the end of the task by a webhook; http or https, without user and password */
  readonly callback_url?: string;
  /** Whose it is: a user, a team. Groups of a queue take turns within a priority, and may be limited each by itself */
  readonly group?: string;
  /** What a worker must offer to get it, 8 labels at most; values must be equal */
  readonly requires?: Readonly<Record<string, string>>;
  /** What it belongs to */
  readonly batch_id?: string;
}

export interface NewSchedule {
  /** The name of the schedule; its tasks are called after it */
  readonly schedule_id: string;
  /** When tasks are due: minute, hour, day of the month, month, day of the week; with seconds in front of them when there are six fields; or @hourly, @daily, @weekly, @monthly, @yearly */
  readonly cron: string;
  /** The time zone of `cron`, by its name */
  readonly timezone?: string;
  /** What becomes of due times at which no process was up: nothing, one task for the latest, or a task for each of the latest 1000 */
  readonly catch_up?: 'skip' | 'one' | 'all';
  /** Whether nothing is enqueued. What falls into a pause is never made up for */
  readonly paused?: boolean;
  /** The task to enqueue; it has no eval_id, run_at or expires_at of its own */
  readonly task: TaskTemplate;
}

export interface ScheduleDetails {
  /** The name of the schedule */
  readonly schedule_id: string;
  /** When tasks are due */
  readonly cron: string;
  /** The time zone of `cron` */
  readonly timezone: string;
  /** What becomes of due times at which no process was up */
  readonly catch_up: 'skip' | 'one' | 'all';
  /** Whether nothing is enqueued */
  readonly paused: boolean;
  /** The queue of its tasks */
  readonly queue: string;
  /** When it was made */
  readonly created_at: string;
  /** When it was changed last */
  readonly updated_at: string;
  /** The latest due time for which a task was enqueued */
  readonly last_due_at: string | null;
  /** The task of that time */
  readonly last_eval_id: string | null;
  /** The next five due times; none while it is paused */
  readonly next_due_at: readonly string[];
  /** The task to enqueue, as it was sent; absent for viewers */
  readonly task?: Readonly<Record<string, unknown>>;
}

export interface ListedSchedule {
  /** The name of the schedule */
  readonly schedule_id: string;
  /** When tasks are due */
  readonly cron: string;
  /** The time zone of `cron` */
  readonly timezone: string;
  /** What becomes of due times at which no process was up */
  readonly catch_up: 'skip' | 'one' | 'all';
  /** Whether nothing is enqueued */
  readonly paused: boolean;
  /** The queue of its tasks */
  readonly queue: string;
  /** When it was made */
  readonly created_at: string;
  /** When it was changed last */
  readonly updated_at: string;
  /** The latest due time for which a task was enqueued */
  readonly last_due_at: string | null;
  /** The task of that time */
  readonly last_eval_id: string | null;
  /** The next five due times; none while it is paused */
  readonly next_due_at: readonly string[];
}

export interface SchedulePage {
  /** The newest first */
  readonly schedules: readonly ListedSchedule[];
  /** Send it as `cursor` for the next page; null on the last */
  readonly next_cursor: string | null;
}

export interface RemovedSchedule {
  /** The name of the schedule */
  readonly schedule_id: string;
  /** It is gone; tasks that it enqueued stay */
  readonly status: 'deleted';
}

export interface ListedWorker {
  /** The name of the worker, as it gives it */
  readonly worker_id: string;
  /** busy: it holds tasks and was heard lately; idle: it was heard lately, or has a parked poll, and holds nothing; silent: it holds tasks and was not heard for two heartbeats of its shortest lease, or for WORKER_FORGET_SECONDS; gone: it said goodbye, or holds nothing and was not heard for a third of WORKER_FORGET_SECONDS */
  readonly state: 'busy' | 'idle' | 'silent' | 'gone';
  /** draining: it gets nothing any more, whatever its state */
  readonly status: 'active' | 'draining';
  /** When it was first seen, since it was last forgotten */
  readonly first_seen_at: string;
  /** When it last claimed, beat or reported, or said goodbye; now, while it has a parked poll */
  readonly last_seen_at: string;
  /** The queues that it claimed from last */
  readonly queues: readonly string[];
  /** The tasks that it holds now, the newest first, 100 at most */
  readonly held_tasks: readonly string[];
  /** How many tasks it holds now */
  readonly held: number;
  /** Attempts that it completed since it was first seen */
  readonly completed: number;
  /** Attempts that failed since then */
  readonly failed: number;
  /** Leases that it lost since then */
  readonly lost: number;
}

export interface WorkerList {
  /** By name */
  readonly workers: readonly ListedWorker[];
}

export interface WorkerStatus {
  /** The name of the worker */
  readonly worker_id: string;
  /** What it is from now on */
  readonly status: 'active' | 'draining';
}

export interface WebhookDelivery {
  /** Names the delivery */
  readonly delivery_id: string;
  /** The `webhook-id` that the receiver knows the message by */
  readonly message_id: string;
  /** `parked` is given up: its time is over, or the answer was 410 */
  readonly status: 'pending' | 'delivered' | 'parked';
  /** The address without its query */
  readonly url: string | null;
  /** Attempts so far */
  readonly attempts: number;
  /** When the event was taken in */
  readonly created_at: string;
  /** When it is tried next */
  readonly next_attempt_at: string | null;
  /** When it is tried for the last time */
  readonly gives_up_at: string;
  /** When it was delivered or parked */
  readonly ended_at: string | null;
  /** The status that the receiver answered last */
  readonly last_status: number | null;
  /** Why there was no answer */
  readonly last_error: string | null;
  /** What is sent */
  readonly event: Readonly<Record<string, unknown>>;
}

export interface WebhookDeliveryPage {
  /** The youngest first */
  readonly deliveries: readonly WebhookDelivery[];
  /** Goes on from here; null at the end */
  readonly next_cursor: string | null;
}

export interface Redelivery {
  /** The delivery that is made again */
  readonly delivery_id: string;
  /** It will be tried at once */
  readonly status: 'pending';
}

export interface HealthAnswer {
  /** unhealthy: the store cannot take writes */
  readonly status: 'healthy' | 'unhealthy';
  /** Which service this is */
  readonly service: 'queue';
  /** Tasks that could be claimed now; null when unhealthy */
  readonly queue_size: number | null;
  /** Every task that is known; null when unhealthy */
  readonly total_tasks: number | null;
  /** Whether events go out and, with tasks in Redis, events of other processes come in; the service is healthy without them */
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
  /** Whether new work should be sent here */
  readonly status: 'ready' | 'not ready';
}

export interface Percentiles {
  /** Half took no longer */
  readonly p50: number;
  /** 95 % took no longer */
  readonly p95: number;
  /** 99 % took no longer */
  readonly p99: number;
}

export interface TimelineStep {
  /** When the step began */
  readonly at: string;
  /** Tasks taken in */
  readonly enqueued: number;
  /** Tasks claimed */
  readonly started: number;
  /** Tasks that succeeded */
  readonly completed: number;
  /** Tasks that became dead letters */
  readonly failed: number;
  /** Tasks that were cancelled */
  readonly cancelled: number;
  /** Tasks that did not start in time */
  readonly expired: number;
  /** Failed attempts that will be made again */
  readonly retried: number;
  /** Attempts whose worker was lost */
  readonly lost: number;
  /** Seconds from ready to claimed; null when nothing was claimed */
  readonly wait: Percentiles | null;
  /** Seconds from claimed to the end; null when no attempt ended */
  readonly run: Percentiles | null;
}

export interface TimelineAnswer {
  /** Seconds in one step */
  readonly step: number;
  /** Oldest first; the last one is under way */
  readonly points: readonly TimelineStep[];
}
