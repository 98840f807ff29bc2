import type {
  BatchAnswer,
  Claim,
  ClearedTasks,
  Completion,
  EnqueuedTask,
  Failure,
  FinishedItems,
  HealthAnswer,
  Heartbeat,
  KeptLease,
  KeptLeases,
  ListedTask,
  NewTask,
  Redrive,
  RedrivenTasks,
  Release,
  RemovedTask,
  StatusAnswer,
  TaskAttempt,
  TaskAttempts,
  TaskDetails,
  TaskPage,
  TaskResult,
  TaskStatus,
} from './api.generated.js';
import {
  about,
  type ClaimAnswer,
  heartbeatsOf,
  type HeldTask,
  objectWith,
  type Read,
  readBatch,
  readClaim,
  readFinished,
  readKeptLease,
} from './answers.js';
import { ArtifactCalls } from './artifact-calls.js';
import { BatchCalls } from './batch-calls.js';
import {
  type EventFilter,
  type EventOptions,
  type EventReset,
  readEvents,
  type TaskEvent,
} from './event-stream.js';
import { type FollowOptions, followParts, type LogPart, type LogQuery, readLogPart } from './log-reader.js';
import { JsonText, membersOf, stringify } from './json-text.js';
import { waitForEnd, type WaitOptions } from './long-poll.js';
import { itemsOf, type Page } from './pages.js';
import { QueueCalls } from './queue-calls.js';
import { ScheduleCalls } from './schedule-calls.js';
import { pathTo, removalQuery } from './paths.js';
import { type Call, type CallOptions, Transport, type TransportOptions } from './transport.js';
import { WebhookCalls } from './webhook-calls.js';
import { WorkerCalls } from './worker-calls.js';

export type ClientOptions = TransportOptions;

/** A task to enqueue. Without `eval_id` the client generates one, so that a repeated call creates one task. */
export type TaskInput = Omit<NewTask, 'eval_id' | 'metadata'> & {
  readonly eval_id?: string;
  readonly metadata?: NewTask['metadata'] | JsonText;
};

export interface ListFilter {
  readonly status?: readonly TaskStatus['status'][];
  readonly queue?: readonly string[];
  readonly group?: string;
  readonly batch_id?: string;
  readonly worker_id?: string;
  /** The cause of the latest attempt. */
  readonly cause?: string;
  readonly created_after?: string;
  readonly created_before?: string;
  /** Tasks per page. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** A held task and the lease that holds it. */
export type Held = Pick<HeldTask, 'eval_id' | 'lease_id'>;

/** Bytes of a log, under the lease that holds the task. */
export interface LogChunk {
  readonly lease_id: string;
  /** The bytes that this attempt sent before these. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const BATCH_SIZE = 500;
/** Maximum bytes per request of `enqueueAll`: half of the service's default limit. */
const BATCH_BYTES = 1024 * 1024;
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'expired']);

/** Whether the state is final. Only a redrive can change it. */
export function isEnded(status: TaskStatus['status']): boolean {
  return ENDED.has(status);
}

/** Selects the tasks to remove: a non-empty filter, or explicitly all tasks. */
export type RemovalFilter =
  | (Pick<ListFilter, 'queue' | 'status' | 'cause'> & { readonly all?: undefined } & (
        | { readonly queue: NonNullable<ListFilter['queue']> }
        | { readonly status: NonNullable<ListFilter['status']> }
        | { readonly cause: NonNullable<ListFilter['cause']> }
      ))
  | { readonly all: true };

const madeOf = new WeakMap<Client, ClientOptions>();

/** The options of a client, including its key; not part of the public interface. */
export function optionsOf(client: Client): ClientOptions {
  const options = madeOf.get(client);
  if (options === undefined) throw new TypeError('The client must be a Client of this package');
  return options;
}

/**
 * The HTTP API as methods. Field names are those of the API, and the types come from the OpenAPI document.
 *
 * The client repeats calls to an unreachable, overloaded or restarting service for `patience` seconds. Nearly every
 * call can safely be sent twice. `redrive`, `remove` and `clear` are repeated only when the service reports that it did
 * not perform them.
 */
export class Client {
  readonly artifacts: ArtifactCalls;
  readonly batches: BatchCalls;
  readonly queues: QueueCalls;
  readonly schedules: ScheduleCalls;
  readonly webhooks: WebhookCalls;
  readonly workers: WorkerCalls;
  private readonly transport: Transport;

  constructor(options: ClientOptions) {
    madeOf.set(this, options);
    this.transport = new Transport(options);
    const send = <Answer>(call: Call, read: Read<Answer>): Promise<Answer> => this.transport.read(call, read);
    this.artifacts = new ArtifactCalls(send, (call) => this.transport.download(call));
    this.batches = new BatchCalls(send);
    this.queues = new QueueCalls(send);
    this.schedules = new ScheduleCalls(send);
    this.webhooks = new WebhookCalls(send);
    this.workers = new WorkerCalls(send);
  }

  /** Resolves when the task is on disk. @throws Conflict when a task with this id has other content */
  async enqueue(
    task: TaskInput,
    options: CallOptions & { traceparent?: string } = {},
  ): Promise<EnqueuedTask> {
    const body = { ...task, eval_id: task.eval_id ?? crypto.randomUUID() };
    const headers = options.traceparent === undefined ? undefined : { traceparent: options.traceparent };
    const call = { method: 'POST', path: 'tasks', body, headers, signal: options.signal } as const;
    return this.transport.read(call, about<EnqueuedTask>(body.eval_id));
  }

  /**
   * Enqueues up to 1000 tasks in one durable commit, with one result per task. Reusing a `batchId` adds tasks to that
   * batch.
   */
  async enqueueBatch(
    tasks: readonly (TaskInput | JsonText)[],
    { batchId = crypto.randomUUID(), callbackUrl, maxFailures, signal }: BatchOptions = {},
  ): Promise<BatchAnswer> {
    const batch = { batch_id: batchId, callback_url: callbackUrl, max_failures: maxFailures };
    const body = { ...batch, tasks: tasks.map(named) };
    return this.transport.read({ method: 'POST', path: 'tasks/batch', body, signal }, readBatch);
  }

  /**
   * Enqueues any number of tasks in parts, with few tasks in memory at a time. Yields one answer per part. A part has
   * at most `size` tasks and 1 MiB; `index` in its results counts within the part.
   */
  async *enqueueAll(
    tasks: Iterable<TaskInput | JsonText> | AsyncIterable<TaskInput | JsonText>,
    { batchId = crypto.randomUUID(), size = BATCH_SIZE, ...options }: EnqueueAllOptions = {},
  ): AsyncGenerator<BatchAnswer, void> {
    let part: JsonText[] = [];
    let bytes = 0;
    for await (const task of tasks) {
      // Ids are generated here, so that a part sent twice creates each task once.
      const text = new JsonText(stringify(named(task)) ?? 'null');
      const length = new TextEncoder().encode(text.text).length + 1;
      if (part.length > 0 && (part.length >= size || bytes + length > BATCH_BYTES)) {
        yield await this.enqueueBatch(part, { ...options, batchId });
        part = [];
        bytes = 0;
      }
      part.push(text);
      bytes += length;
    }
    if (part.length > 0) yield await this.enqueueBatch(part, { ...options, batchId });
  }

  /** The task's current state. @throws NotFound */
  async get(id: string, { signal }: CallOptions = {}): Promise<TaskDetails> {
    return this.transport.read({ method: 'GET', path: pathOf(id), signal }, about<TaskDetails>(id));
  }

  /** Resolves with the task when it has ended. @throws WaitTimeout, NotFound */
  wait(id: string, options: WaitOptions = {}): Promise<TaskDetails> {
    const read = (call: Call): Promise<TaskDetails> => this.transport.read(call, about<TaskDetails>(id));
    const isEnd = ({ status }: TaskDetails): boolean => isEnded(status);
    return waitForEnd(read, { path: pathOf(id), name: `Task ${id}`, isEnd, ...options });
  }

  /** Cancels the task at once, even while a worker holds it. */
  async cancel(id: string, { reason, signal }: CallOptions & { reason?: string } = {}): Promise<TaskStatus> {
    return this.post<TaskStatus>(id, 'cancel', { reason }, { signal });
  }

  /** Changes the priority of a waiting task, which keeps its place by age. */
  async reprioritize(id: string, priority: number, { signal }: CallOptions = {}): Promise<EnqueuedTask> {
    const call = { method: 'POST', path: `${pathOf(id)}/priority`, body: { priority }, signal } as const;
    return this.transport.read(call, about<EnqueuedTask>(id));
  }

  /** The task's output, parsed. Numbers beyond 2^53 lose digits; `outputText` keeps them. @throws NotFound */
  async output(id: string, options: CallOptions = {}): Promise<unknown> {
    return JSON.parse(await this.outputText(id, options));
  }

  /** The task's output, as the JSON text that the worker sent. */
  outputText(id: string, { signal }: CallOptions = {}): Promise<string> {
    const call = { method: 'GET', path: `${pathOf(id)}/output`, signal } as const;
    return this.transport.read(call, (text) => new JsonText(text).text);
  }

  /** The finished attempts, oldest first. */
  async attempts(id: string, { signal }: CallOptions = {}): Promise<readonly TaskAttempt[]> {
    const call = { method: 'GET', path: `${pathOf(id)}/attempts`, signal } as const;
    return (await this.transport.read(call, objectWith<TaskAttempts>({ attempts: 'array' }))).attempts;
  }

  /** One page of tasks, newest first. */
  async page(filter: ListFilter = {}, { signal }: CallOptions = {}): Promise<TaskPage> {
    const call = { method: 'GET', path: 'tasks', query: { ...filter }, signal } as const;
    return this.transport.read(call, objectWith<TaskPage>({ tasks: 'array' }));
  }

  /** All matching tasks, newest first, requested page by page. */
  list(filter: ListFilter = {}, options: CallOptions = {}): AsyncGenerator<ListedTask, void> {
    const page: Page<TaskPage> = (cursor) => this.page({ ...filter, cursor }, options);
    return itemsOf(page, ({ tasks }) => tasks, filter.cursor);
  }

  /** Failed and expired tasks, newest first. */
  deadLetters(
    filter: Omit<ListFilter, 'status'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<ListedTask, void> {
    return this.list({ ...filter, status: ['failed', 'expired'] }, options);
  }

  /** Returns a dead letter to its queue. Its next attempt gets its checkpoint, unless `reset` drops it. */
  async redrive(
    id: string,
    { signal, reset }: CallOptions & { reset?: boolean } = {},
  ): Promise<EnqueuedTask> {
    return this.post<EnqueuedTask>(id, 'redrive', { reset }, { signal, isRepeatable: false });
  }

  /** Returns matching dead letters to their queues, newest first. */
  async redriveAll(body: Redrive, { signal }: CallOptions = {}): Promise<RedrivenTasks> {
    const call = { method: 'POST', path: 'tasks/redrive', body, signal, isRepeatable: false } as const;
    return this.transport.read(call, objectWith<RedrivenTasks>({ tasks_redriven: 'number' }));
  }

  /** Removes a task that has ended. */
  async remove(id: string, { signal }: CallOptions = {}): Promise<RemovedTask> {
    const call = { method: 'DELETE', path: pathOf(id), signal, isRepeatable: false } as const;
    return this.transport.read(call, about<RemovedTask>(id));
  }

  /**
   * Removes every matching task, including held ones; `{ all: true }` removes all tasks of all queues. This cannot be
   * undone.
   *
   * @throws TypeError for an empty, undefined or unknown filter, before any removal
   */
  async clear(filter: RemovalFilter, { signal }: CallOptions = {}): Promise<ClearedTasks> {
    const query = removalQuery(filter);
    const call = { method: 'DELETE', path: 'tasks', query, signal, isRepeatable: false } as const;
    return this.transport.read(call, objectWith<ClearedTasks>({ tasks_removed: 'number' }));
  }

  /** Counts of tasks, in total and by queue. */
  async status({ signal }: CallOptions = {}): Promise<StatusAnswer> {
    return this.transport.read(
      { method: 'GET', path: 'status', signal },
      objectWith<StatusAnswer>({ total_tasks: 'number' }),
    );
  }

  /** The health report of the service. @throws Unavailable when the service is unhealthy */
  async health({ signal }: CallOptions = {}): Promise<HealthAnswer> {
    const call = { method: 'GET', path: 'health', signal, patience: 0 } as const;
    return this.transport.read(call, objectWith<HealthAnswer>({ status: 'string' }));
  }

  /** Claims tasks. Without a `claim_id` the client generates one, so that a repeated call returns the same tasks. */
  async claim(claim: Claim, options: Patient = {}): Promise<readonly HeldTask[]> {
    return (await this.claimAnswer(claim, options)).tasks;
  }

  /** The same, plus the service's request to drain, if any. */
  async claimAnswer(claim: Claim, options: ClaimPatient = {}): Promise<ClaimAnswer> {
    const body = { claim_id: crypto.randomUUID(), ...claim };
    const call = { method: 'POST', path: 'tasks/claim', body, wait: claim.wait, ...options } as const;
    return this.transport.read(call, readClaim);
  }

  /** Reports success. */
  async complete({ eval_id, lease_id }: Held, output?: unknown, options: Patient = {}): Promise<TaskStatus> {
    const body: Completion = { lease_id, output };
    return this.post<TaskStatus>(eval_id, 'complete', body, options);
  }

  /** Reports failure. */
  async fail({ eval_id, lease_id }: Held, failure: Failure = {}, options: Patient = {}): Promise<TaskStatus> {
    return this.post<TaskStatus>(eval_id, 'fail', { ...failure, lease_id }, options);
  }

  /** Returns a task unfinished to its queue; no budget is spent. */
  async release(
    { eval_id, lease_id }: Held,
    given: Release = {},
    options: Patient = {},
  ): Promise<TaskStatus> {
    return this.post<TaskStatus>(eval_id, 'release', { ...given, lease_id }, options);
  }

  /** Extends a lease. @throws LeaseLost */
  async heartbeat(
    { eval_id, lease_id }: Held,
    beat: Heartbeat = {},
    options: Patient = {},
  ): Promise<KeptLease> {
    const body = { ...beat, lease_id };
    const call = { method: 'POST', path: `${pathOf(eval_id)}/heartbeat`, body, ...options } as const;
    return this.transport.read(call, readKeptLease);
  }

  /**
   * Extends many leases, with one result per lease. `beats` has what to report of some tasks, by `eval_id`: progress, a
   * checkpoint. An item without a problem is durable.
   */
  async heartbeatAll(
    workerId: string,
    held: readonly Held[],
    { beats, ...options }: Patient & { readonly beats?: ReadonlyMap<string, Heartbeat> } = {},
  ): Promise<KeptLeases> {
    const leases = held.map(({ eval_id, lease_id }) => ({ ...beats?.get(eval_id), eval_id, lease_id }));
    const body = { worker_id: workerId, leases };
    const call = { method: 'POST', path: 'tasks/heartbeat', body, ...options } as const;
    return this.transport.read(call, heartbeatsOf(leases));
  }

  /** Reports finished tasks and claims the next ones in one round trip. */
  async finishAll(
    results: readonly TaskResult[],
    claim?: Claim,
    options: Patient = {},
  ): Promise<FinishedItems> {
    const body = { results, claim: claim && { claim_id: crypto.randomUUID(), ...claim } };
    const call = { method: 'POST', path: 'tasks/complete', body, wait: claim?.wait, ...options } as const;
    return this.transport.read(call, readFinished);
  }

  /**
   * Appends to the log of an attempt; resolves with the bytes that it has sent when they are durable. A repeated chunk
   * changes nothing.
   *
   * @throws LeaseLost; Conflict with the code `log_offset` and the present `size` for a chunk that does not continue it
   */
  async appendLog(
    id: string,
    { lease_id: leaseId, offset, bytes }: LogChunk,
    limits: Patient = {},
  ): Promise<{ readonly size: number }> {
    const call = {
      ...{ method: 'POST' as const, path: pathTo('tasks', id, 'log'), query: { offset }, ...limits },
      headers: { 'X-Lease-Id': leaseId },
      text: { type: 'application/octet-stream', content: bytes },
    };
    return this.transport.read(
      call,
      objectWith<{ readonly size: number }>({ attempt: 'number', size: 'number' }),
    );
  }

  /** Reads a part of the log of an attempt. */
  readLog(id: string, query: LogQuery = {}): Promise<LogPart> {
    const { signal, ...given } = query;
    const call = {
      method: 'GET' as const,
      path: pathTo('tasks', id, 'log'),
      query: given,
      wait: given.wait,
      signal,
    };
    return this.transport.readBytes(call, (bytes, headers) => readLogPart(bytes, headers, query));
  }

  /** The log of a task as it grows, attempt after attempt, until the task has ended. Survives outages of `patience`. */
  followLog(id: string, options: FollowOptions = {}): AsyncGenerator<LogPart, void, undefined> {
    const read = (query: LogQuery): Promise<LogPart> => this.readLog(id, query);
    return followParts({ read, hasEnded: async () => isEnded((await this.get(id)).status) }, options);
  }

  /**
   * Streams transitions from now on until the signal fires. A `reset` reports that some were missed.
   *
   * @throws ApiError when the service rejects the request; the reason of the signal
   */
  events(filter: EventFilter = {}, options: EventOptions = {}): AsyncGenerator<TaskEvent | EventReset, void> {
    return readEvents((call) => this.stream(call), filter, options);
  }

  /** Sends any call, with the same retries and errors. For endpoints without their own method. */
  request(call: Call): Promise<unknown> {
    return this.transport.json(call);
  }

  /** The same, with the answer as JSON text, in which numbers keep all their digits. */
  requestText(call: Call): Promise<JsonText> {
    return this.transport.read(call, (text) => new JsonText(text));
  }

  /** Opens a streaming response, such as the event stream. */
  stream(call: Call): Promise<Response> {
    return this.transport.stream(call);
  }

  private post<Answer>(id: string, verb: string, body: object, options: Partial<Call>): Promise<Answer> {
    const call = { method: 'POST', path: `${pathOf(id)}/${verb}`, body, ...options } as const;
    return this.transport.read(call, about<Answer>(id));
  }
}

/** Adds an id. A task given as JSON text stays text: the id is inserted before its members. */
function named(task: TaskInput | JsonText): TaskInput | JsonText {
  if (!(task instanceof JsonText)) return { ...task, eval_id: task.eval_id ?? crypto.randomUUID() };
  const members = membersOf(task.text);
  if (members.has('eval_id')) return task;
  const rest = task.text.trim().slice(1);
  return new JsonText(`{"eval_id":"${crypto.randomUUID()}"${members.size === 0 ? '' : ','}${rest}`);
}

/** How long to retry, and what ends the retries. */
export type Patient = Pick<Call, 'signal' | 'patience' | 'timeout' | 'onRetry' | 'isStubborn'>;

/** The same for a claim. `repeatBody` replaces the claim when the call is repeated. */
export type ClaimPatient = Patient & Pick<Call, 'repeatBody'>;

export interface BatchOptions extends CallOptions {
  readonly batchId?: string;
  /** Receives a webhook when all tasks of the batch have ended. */
  readonly callbackUrl?: string;
  /** When more tasks than this have failed, the service cancels the others. */
  readonly maxFailures?: number;
}

export interface EnqueueAllOptions extends BatchOptions {
  /** Tasks per request, at most 1000. */
  readonly size?: number;
}

function pathOf(id: string): string {
  return pathTo('tasks', id);
}
