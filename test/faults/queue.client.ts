import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { TaskState } from '../../src/task/task.js';
import {
  type EndOp,
  type EnqueueOp,
  type Grant,
  type HistoryRecorder,
  type Ms,
  type Result,
  resultOf,
  type Untimed,
} from '../support/history.js';

const REQUEST_LIMIT_MS = 20_000;

/** A task as the load makes it. Sent again, it is the same to the byte. */
export interface LoadTask {
  readonly eval_id: string;
  readonly code: string;
  readonly metadata: object;
  readonly queue: string;
  readonly priority: number;
  /** Seconds. */
  readonly timeout: number;
  readonly delay?: number;
  readonly ttl?: number;
  readonly max_attempts: number;
  readonly max_interruptions: number;
  readonly backoff: object;
}

export interface Reply {
  /** `undefined` when no answer was read in full. */
  readonly status: number | undefined;
  readonly body: unknown;
  /** It never reached the service. */
  readonly isRefused: boolean;
}

interface TaskBody {
  readonly eval_id: string;
  readonly status: TaskState;
  readonly code: string;
  readonly metadata: object;
  readonly attempt: number;
  readonly lease_id: string;
}

interface BulkItem {
  readonly status?: TaskState;
  readonly problem?: { readonly status: number };
}

export interface EndReport {
  readonly f: 'complete' | 'fail';
  readonly id: string;
  /** Absent from workers that know no leases. */
  readonly token?: string;
}

/** A client of the queue that writes down whatever it does. */
export class QueueClient {
  /** Requests that may write, sent and not answered. */
  writesInFlight = 0;
  private readonly agent = new Agent({ keepAlive: true });

  constructor(
    private readonly port: number,
    readonly history: HistoryRecorder,
    /** How long the service lets a lease last. */
    private readonly leaseMs: Ms,
    /** The least that a failed task waits for its next attempt. */
    private readonly retryMs: Ms,
  ) {}

  async enqueue(task: LoadTask): Promise<Result> {
    const t0 = this.history.now();
    const reply = await this.write('POST', '/tasks', task);
    const res = resultOfReply(reply);
    this.history.add(t0, { ...enqueueOf(task), res, http: reply.status, isCreated: reply.status === 201 });
    return res;
  }

  async enqueueAll(tasks: readonly LoadTask[]): Promise<Result> {
    const t0 = this.history.now();
    const reply = await this.write('POST', '/tasks/batch', { tasks });
    const res = resultOfReply(reply);
    const { results = [] } = (reply.body ?? {}) as { results?: readonly BulkItem[] };
    const operations = tasks.map((task, index): Untimed<EnqueueOp> => {
      const problem = results[index]?.problem;
      return { ...enqueueOf(task), res: res === 'ok' ? resultOf(problem?.status ?? 200) : res };
    });
    this.history.add(t0, ...operations);
    return res;
  }

  /** As the oldest clients claim. */
  async next(query = ''): Promise<readonly Grant[]> {
    const t0 = this.history.now();
    const reply = await this.write('GET', `/tasks/next${query}`);
    const isTask = resultOfReply(reply) === 'ok' && reply.body !== null;
    return this.noteLease(t0, reply, 1, isTask ? [reply.body as TaskBody] : []);
  }

  async claim(worker: string, max: number, wait = 0): Promise<readonly Grant[]> {
    const t0 = this.history.now();
    const reply = await this.write('POST', '/tasks/claim', { worker_id: worker, max_tasks: max, wait });
    const { tasks = [] } = (reply.body ?? {}) as { tasks?: readonly TaskBody[] };
    return this.noteLease(t0, reply, max, resultOfReply(reply) === 'ok' ? tasks : []);
  }

  async heartbeat({ id, token }: Grant): Promise<void> {
    const t0 = this.history.now();
    const reply = await this.write('POST', `/tasks/${id}/heartbeat`, { lease_id: token });
    const res = resultOfReply(reply);
    this.history.add(t0, { f: 'heartbeat', id, token, leaseMs: this.leaseMs, res, http: reply.status });
  }

  async end({ f, id, token }: EndReport): Promise<Result> {
    const t0 = this.history.now();
    const error = f === 'fail' ? { error: 'it did not work' } : undefined;
    const reply = await this.write('POST', `/tasks/${id}/${f}`, { lease_id: token, ...error });
    const res = resultOfReply(reply);
    const { status } = (reply.body ?? {}) as { status?: TaskState };
    const state = res === 'ok' ? status : undefined;
    this.history.add(t0, { f, id, token, res, http: reply.status, state, waitMs: this.waitOf(f, state) });
    return res;
  }

  /** Many reports in one commit. */
  async endAll(reports: readonly EndReport[]): Promise<Result> {
    const t0 = this.history.now();
    const sent = reports.map(({ f, id, token }) => ({
      eval_id: id,
      lease_id: token,
      status: f === 'complete' ? 'completed' : 'failed',
    }));
    const reply = await this.write('POST', '/tasks/complete', { results: sent });
    const res = resultOfReply(reply);
    const { results = [] } = (reply.body ?? {}) as { results?: readonly BulkItem[] };
    const operations = reports.map(({ f, id, token }, index): Untimed<EndOp> => {
      const item = results[index];
      const state = res === 'ok' ? item?.status : undefined;
      const own = res === 'ok' ? resultOf(item?.problem?.status ?? 200) : res;
      const isEnded = own === 'ok' && typeof state === 'string';
      return { f, id, token, res: own, state: isEnded ? state : undefined, waitMs: this.waitOf(f, state) };
    });
    this.history.add(t0, ...operations);
    return res;
  }

  async cancel(id: string): Promise<void> {
    const t0 = this.history.now();
    const reply = await this.write('POST', `/tasks/${id}/cancel`, {});
    this.history.add(t0, { f: 'cancel', id, res: resultOfReply(reply), http: reply.status });
  }

  async get(id: string, isFinal = false): Promise<void> {
    const t0 = this.history.now();
    const reply = await this.send('GET', `/tasks/${id}`);
    const { status } = (reply.body ?? {}) as { status?: TaskState };
    const isAbsent = reply.status === 404;
    const res = isAbsent ? 'ok' : resultOfReply(reply);
    const state = isAbsent ? 'absent' : res === 'ok' ? status : undefined;
    this.history.add(t0, { f: 'get', id, res, http: reply.status, state, isFinal });
  }

  /** Sends a request and reads its answer whole. Writes nothing down. */
  async send(method: string, path: string, body?: unknown): Promise<Reply> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'Content-Type': 'application/json' };
    return new Promise((resolve) => {
      const fail = (error: NodeJS.ErrnoException) => {
        resolve({ status: undefined, body: undefined, isRefused: error.code === 'ECONNREFUSED' });
      };
      const target = { host: '127.0.0.1', port: this.port, agent: this.agent, method, path, headers };
      const sent = request(target, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const status = response.complete ? response.statusCode : undefined;
          resolve({ status, body: parsed(Buffer.concat(chunks).toString()), isRefused: false });
        });
      });
      sent.setTimeout(REQUEST_LIMIT_MS, () => sent.destroy(new Error('No answer in time')));
      sent.on('error', fail);
      sent.end(text);
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private async write(method: string, path: string, body?: unknown): Promise<Reply> {
    this.writesInFlight += 1;
    try {
      return await this.send(method, path, body);
    } finally {
      this.writesInFlight -= 1;
    }
  }

  private noteLease(t0: Ms, reply: Reply, max: number, tasks: readonly TaskBody[]): readonly Grant[] {
    const grants = tasks.map((task) => grantOf(task, this.leaseMs));
    const res = resultOfReply(reply);
    this.history.add(t0, { f: 'lease', queues: ['default'], max, grants, res, http: reply.status });
    return grants;
  }

  private waitOf(f: EndOp['f'], state: TaskState | undefined): Ms | undefined {
    return f === 'fail' && state === 'delayed' ? this.retryMs : undefined;
  }
}

function resultOfReply({ status, body, isRefused }: Reply): Result {
  if (isRefused) return 'fail';
  return resultOf(status, (body as { applied?: unknown } | null | undefined)?.applied);
}

function enqueueOf(task: LoadTask): Omit<Untimed<EnqueueOp>, 'res'> {
  return {
    f: 'enqueue',
    id: task.eval_id,
    queue: task.queue,
    hash: hashOf(task),
    priority: task.priority,
    delayMs: (task.delay ?? 0) * 1000,
    ttlMs: task.ttl === undefined ? undefined : task.ttl * 1000,
    maxAttempts: task.max_attempts,
    maxInterruptions: task.max_interruptions,
  };
}

function grantOf(task: TaskBody, leaseMs: Ms): Grant {
  const { eval_id: id, lease_id: token, attempt } = task;
  return { id, token, attempt, leaseMs, hash: hashOf(task) };
}

function hashOf({ code, metadata }: { readonly code: string; readonly metadata: object }): string {
  return createHash('sha256').update(code).update('\n').update(JSON.stringify(metadata)).digest('base64url');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
