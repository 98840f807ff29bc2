import type { TaskState } from '../../src/task/task-state.js';
import {
  type EndOp,
  type EnqueueOp,
  type Grant,
  type HistoryRecorder,
  type LeaseOp,
  type Ms,
  type Result,
  resultOf,
  type Untimed,
} from '../support/history.js';
import { until } from '../support/until.js';
import type { Reply, Wire } from './http.wire.js';
import { enqueueOf, grantOf, type LoadTask, type TaskBody } from './load.task.js';
import type { ReplicaRoute } from './replica.route.js';

const OWN_QUEUES = ['default'] as const;

interface BulkItem {
  readonly status?: TaskState;
  readonly problem?: { readonly status: number; readonly applied?: unknown };
}

export interface Claim {
  readonly worker: string;
  readonly max: number;
  /** Seconds. */
  readonly wait?: number;
  readonly queues?: readonly string[];
  readonly claimId?: string;
  /** How long it wants to hold what it gets; by default what the service gives. */
  readonly leaseMs?: Ms;
}

export interface EndReport {
  readonly f: 'complete' | 'fail';
  readonly id: string;
  /** Absent from workers that know no leases. */
  readonly token?: string;
}

interface Asked extends Pick<LeaseOp, 'queues' | 'max' | 'claimId'> {
  readonly reply: Reply;
  readonly leaseMs?: Ms;
}

export interface ClientOptions {
  readonly wire: Wire;
  readonly route: ReplicaRoute;
  readonly history: HistoryRecorder;
  /** How long the service lets a lease last. */
  readonly leaseMs: Ms;
  /** The least that a failed task waits for its next attempt. */
  readonly retryMs: Ms;
}

/** One client of the queue, which writes down whatever it does. */
export class QueueClient {
  readonly history: HistoryRecorder;
  /** The last request got no answer, or one that says to come back later. */
  isTroubled = false;

  constructor(private readonly options: ClientOptions) {
    this.history = options.history;
  }

  /** Another client that writes into the same history. */
  along(route: ReplicaRoute): QueueClient {
    return new QueueClient({ ...this.options, route });
  }

  /** Requests that may write, of all clients of this wire, sent and not answered. */
  get writesInFlight(): number {
    return this.options.wire.writesInFlight;
  }

  /**
   * Turns the outage guard of the queue off. While a queue is in an outage, most polls get nothing by design, which the
   * history cannot tell from a lost task.
   */
  async turnGuardOff(): Promise<void> {
    // A busy machine may answer the first requests with 503, or after a fault has begun.
    await until(async () => {
      const { status = 503 } = await this.write('PATCH', '/queues/default', { outage_guard: null });
      if (status !== 200 && status !== 503)
        throw new Error(`The outage guard could not be turned off: ${status}`);
      return status === 200;
    });
  }

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
      return { ...enqueueOf(task), res: res === 'ok' ? resultOfItem(problem) : res };
    });
    this.history.add(t0, ...operations);
    return res;
  }

  /** As the oldest clients claim. */
  async next(query = ''): Promise<readonly Grant[]> {
    const t0 = this.history.now();
    const reply = await this.write('GET', `/tasks/next${query}`);
    const isTask = resultOfReply(reply) === 'ok' && reply.body !== null;
    return this.noteLease(t0, { reply, queues: OWN_QUEUES, max: 1 }, isTask ? [reply.body as TaskBody] : []);
  }

  async claim({ queues = OWN_QUEUES, max, ...claim }: Claim): Promise<readonly Grant[]> {
    const t0 = this.history.now();
    const { worker, wait = 0, claimId, leaseMs } = claim;
    const lease = leaseMs === undefined ? undefined : leaseMs / 1000;
    const sent = { worker_id: worker, max_tasks: max, wait, queues, claim_id: claimId, lease };
    const reply = await this.write('POST', '/tasks/claim', sent);
    const { tasks = [] } = (reply.body ?? {}) as { tasks?: readonly TaskBody[] };
    const asked = { reply, queues, max, claimId, leaseMs };
    return this.noteLease(t0, asked, resultOfReply(reply) === 'ok' ? tasks : []);
  }

  async heartbeat({ id, token }: Grant): Promise<void> {
    const t0 = this.history.now();
    const reply = await this.write('POST', `/tasks/${id}/heartbeat`, { lease_id: token });
    const res = resultOfReply(reply);
    this.history.add(t0, {
      f: 'heartbeat',
      id,
      token,
      leaseMs: this.options.leaseMs,
      res,
      http: reply.status,
    });
  }

  async end({ f, id, token }: Omit<EndReport, 'f'> & Pick<EndOp, 'f'>): Promise<Result> {
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
      const own = res === 'ok' ? resultOfItem(item?.problem) : res;
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

  /** Whether it was answered. */
  async get(id: string, isFinal = false): Promise<boolean> {
    const t0 = this.history.now();
    const reply = await this.send('GET', `/tasks/${id}`);
    const { status } = (reply.body ?? {}) as { status?: TaskState };
    const isAbsent = reply.status === 404;
    const res = isAbsent ? 'ok' : resultOfReply(reply);
    const state = isAbsent ? 'absent' : res === 'ok' ? status : undefined;
    this.history.add(t0, { f: 'get', id, res, http: reply.status, state, isFinal });
    return res === 'ok';
  }

  close(): void {
    this.options.wire.close();
  }

  /** Sends a request. Writes nothing down. */
  async send(method: string, path: string, body?: unknown): Promise<Reply> {
    const { wire, route } = this.options;
    return this.note(await wire.send({ port: route.next(), method, path, body }));
  }

  private async write(method: string, path: string, body?: unknown): Promise<Reply> {
    const { wire, route } = this.options;
    return this.note(await wire.write({ port: route.next(), method, path, body }));
  }

  /** The next request goes elsewhere when this one was in vain. */
  private note(reply: Reply): Reply {
    this.isTroubled = reply.status === undefined || reply.status === 503 || reply.status === 429;
    if (this.isTroubled) this.options.route.leave();
    return reply;
  }

  private noteLease(
    t0: Ms,
    { reply, leaseMs = this.options.leaseMs, ...asked }: Asked,
    tasks: readonly TaskBody[],
  ): readonly Grant[] {
    const grants = tasks.map((task) => grantOf(task, leaseMs));
    const res = resultOfReply(reply);
    this.history.add(t0, { f: 'lease', ...asked, grants, res, http: reply.status });
    return grants;
  }

  private waitOf(f: EndOp['f'], state: TaskState | undefined): Ms | undefined {
    return f === 'fail' && state === 'delayed' ? this.options.retryMs : undefined;
  }
}

function resultOfReply({ status, body, isRefused }: Reply): Result {
  if (isRefused) return 'fail';
  return resultOf(status, (body as { applied?: unknown } | null | undefined)?.applied);
}

function resultOfItem(problem: BulkItem['problem']): Result {
  return resultOf(problem?.status ?? 200, problem?.applied);
}
