import type { HistoryRecorder, Result, Untimed } from '../support/history.js';
import { resultOf } from '../support/history.js';
import { type Answer, Connection, type Request } from './connection.js';
import type { Keys } from './keys.js';
import type { Labels, Poll, Step, Wish, Work } from './plan.js';
import type { Ms, Timeline } from './scheduler.js';
import { PlantedError } from './stores.js';

/** Seconds that the service adds to the time-out of a task for its lease. */
export const GRACE_SECONDS = 1;
const DEFAULT_TIMEOUT_SECONDS = 5;

/** How a client reaches a process. */
export interface Entrance {
  /** False while it starts, ends, or is gone. */
  readonly isOpen: boolean;
  handle(connection: Connection): Promise<void>;
}

/** A request that was not answered yet. */
export interface Pending {
  readonly step: Step;
  readonly sentAt: Ms;
  /** When it must have an answer. */
  readonly dueAt: Ms;
  readonly connection: Connection;
  readonly entrance: Entrance;
  isGone: boolean;
}

/** A lease as a worker was told of it. */
interface Held {
  readonly id: string;
  readonly lease: string;
  readonly sentAt: Ms;
  readonly leaseMs: Ms;
  readonly worker: string | undefined;
}

export interface ClientParts {
  readonly scheduler: Timeline;
  readonly history: HistoryRecorder;
  readonly report: (rule: string, detail: string) => void;
  /** Notes how much room there is for tasks; what it gives is called when some were refused for want of it. */
  readonly watchRoom: (wishes: readonly Wish[]) => () => void;
  /** When the simulation began, on the scale of leases; `undefined` in real time. */
  readonly epoch?: number;
  /** The key that some requests are made with. */
  readonly keys?: Keys;
  /** Whether the service is not told when somebody hangs up. */
  readonly isDeaf: boolean;
}

interface Manner {
  readonly isKeyed?: boolean;
  readonly waitSeconds?: number;
  readonly hangsUpAfter?: Ms;
  readonly readsAfter?: Ms;
}

/** An answer that was decided before a key changed is there by then. */
const KEY_NOTICED_MS = 500;
/** Slower than this is no answer. */
const PATIENCE_MS = 8_000;

/** Everybody who talks to the service. Each speaks HTTP, and notes what it was told. */
export class Clients {
  readonly pending = new Set<Pending>();
  /** Leases that somebody was told of. */
  readonly delivered = new Set<string>();
  /** How many reports were sent under a lease: after the first one it may have ended. */
  private readonly reports = new Map<string, number>();
  /** When somebody did something last. */
  lastActivity: Ms = 0;
  readonly wishes = new Map<string, Set<string>>();
  /** Tasks whose enqueue was answered with success. */
  readonly acknowledged = new Set<string>();
  /** Tasks to which something happened that the history does not tell. */
  readonly untold = new Set<string>();
  /** Tasks that an operator touched: their leases may end at any time. */
  readonly touched = new Set<string>();
  readonly clears: Ms[] = [];
  /** When clears were answered. */
  private readonly cleared: Ms[] = [];
  /** Tasks of batches that may be cancelled for their failures. */
  readonly batched = new Set<string>();
  mayCancelBatches = false;
  /** When batches were opened last. */
  readonly opened = new Map<string, Ms>();
  /** Requests that enqueue. */
  enqueuesSent = 0;
  /** Tasks were removed one by one. */
  hasRemoved = false;
  hasSchedules = false;
  /** When schedules were set last. */
  readonly scheduled = new Map<string, Ms>();
  /** A queue had a limit for what waits. */
  hasLimitedDepth = false;
  /** Messages that were to be sent again, and when. */
  readonly resent = new Map<string, Ms>();

  constructor(private readonly parts: ClientParts) {}

  private get now(): Ms {
    return this.parts.scheduler.now;
  }

  /** A moment of the history. */
  instant(): Ms {
    return this.parts.history.now();
  }

  /** Does what a plan says. */
  async act(step: Step, entrance: Entrance): Promise<void> {
    this.lastActivity = this.now;
    const ask = (request: Request, manner: Manner = {}) => this.ask(step, entrance, request, manner);
    switch (step.do) {
      case 'enqueue':
        return this.enqueue(step.task, ask);
      case 'enqueue all':
        return this.enqueueAll(step.tasks, step.batch, ask);
      case 'poll':
        return this.poll(step, entrance, step);
      case 'await task':
        return this.awaitTask(step.id, step, ask);
      case 'await batch':
        await ask(get(`/batches/${step.id}?wait=${step.wait}`), { ...step, waitSeconds: step.wait });
        return;
      case 'set':
        this.hasLimitedDepth ||= 'max_depth' in step.change;
        await ask({ method: 'PATCH', path: `/queues/${step.queue}`, body: step.change });
        return;
      case 'clear':
        return this.clear(step, ask);
      case 'cancel':
        return this.cancel(step.id, ask);
      case 'redrive':
      case 'remove':
        this.untold.add(step.id);
        this.touched.add(step.id);
        this.hasRemoved ||= step.do === 'remove';
        if (step.do === 'redrive') await ask(post(`/tasks/${step.id}/redrive`));
        else await ask({ method: 'DELETE', path: `/tasks/${step.id}` });
        return;
      case 'redrive all':
        await this.untelling(ask(post('/tasks/redrive', { status: step.status })));
        return;
      case 'cancel batch':
      case 'redrive batch':
        await this.untelling(
          ask(post(`/batches/${step.id}/${step.do === 'cancel batch' ? 'cancel' : 'redrive'}`)),
        );
        return;
      case 'drain':
      case 'resume':
        await ask(post(`/workers/${step.worker}/${step.do}`));
        return;
      case 'schedule': {
        this.hasSchedules = true;
        this.scheduled.set(step.id, this.now);
        const task = { queue: step.queue, code: 'x', timeout: 1 };
        const { id: schedule_id, cron, catchUp: catch_up } = step;
        await ask(post('/schedules', { schedule_id, cron, catch_up, task }));
        return;
      }
      case 'unschedule':
        await ask({ method: 'DELETE', path: `/schedules/${step.id}` });
        return;
      case 'send webhooks again':
        return this.sendAgain(ask);
      case 'look':
        for (const path of ['/status', '/health', '/queues', '/workers', '/schedules', '/batches'])
          void ask(get(path));
        return;
      case 'list':
        await ask(
          get(`/tasks?limit=${step.limit}${step.status === undefined ? '' : `&status=${step.status}`}`),
        );
        return;
      case 'crowd': {
        const tasks = Array.from({ length: step.queues }, (_, index) => ({
          eval_id: `crowd-${index}`,
          queue: `q${index}`,
          code: 'x',
        }));
        await ask(post('/tasks/batch', { tasks }));
        return;
      }
      case 'receiver answers':
      case 'lose the store':
      case 'set the clock':
      case 'change the key':
      case 'restart':
      case 'kill':
      case 'reopen':
      case 'break a write':
      case 'break a read':
      case 'rest':
        return;
    }
  }

  /** What was claimed at the end, when everything is done. */
  noteDrained(tasks: readonly Readonly<Record<string, unknown>>[], t0: Ms, answer: Answer | undefined): void {
    for (const task of tasks) this.delivered.add(String(task.lease_id));
    const grants = tasks.map((task) => ({
      id: String(task.eval_id),
      token: String(task.lease_id),
      attempt: Number(task.attempt),
      leaseMs: 1000 * (Number(task.timeout) + GRACE_SECONDS),
      hash: String(task.code),
    }));
    const res = resultOfAnswer(answer);
    this.parts.history.add(t0, { f: 'lease', res, queues: ['default', 'a', 'b'], max: 50, grants });
  }

  noteFinished(
    tasks: readonly Readonly<Record<string, unknown>>[],
    t0: Ms,
    answer: Answer | undefined,
  ): void {
    for (const [index, task] of tasks.entries()) {
      const held = { id: String(task.eval_id), lease: String(task.lease_id) };
      const { problem, status } = outcomesIn(answer)[index] ?? {};
      const res = problem === undefined ? resultOfAnswer(answer) : resultOf(Number(problem.status));
      this.recordEnd(t0, 'complete', held, res, { status });
    }
  }

  /** The process at the other end was killed. */
  loseConnections(): void {
    for (const pending of this.pending) {
      pending.isGone = true;
      pending.connection.hangUp();
    }
  }

  /** Sends a request; `undefined` when there is no whole answer. */
  async ask(
    step: Step,
    entrance: Entrance,
    request: Request,
    manner: Manner = {},
  ): Promise<Answer | undefined> {
    const { scheduler, report } = this.parts;
    if (!entrance.isOpen) return undefined;
    const { waitSeconds = 0, hangsUpAfter, readsAfter = 0, isKeyed } = manner;
    const keys = isKeyed ? this.parts.keys : undefined;
    const connection = new Connection(request, this.parts.isDeaf, keys);
    const dueAt = this.now + waitSeconds * 1000 + PATIENCE_MS;
    const pending: Pending = { step, sentAt: this.now, dueAt, connection, entrance, isGone: false };
    this.pending.add(pending);
    if (readsAfter === 0) connection.readOn();
    if (hangsUpAfter !== undefined) {
      scheduler.after(hangsUpAfter, 'hang up', () => {
        if (!this.pending.has(pending)) return;
        pending.isGone = true;
        connection.hangUp();
      });
    }
    void entrance.handle(connection).then(
      () => {
        if (readsAfter > 0) scheduler.after(readsAfter, 'read on', () => connection.readOn());
      },
      (error: unknown) => report('answers', `${request.method} ${request.path}: ${String(error)}`),
    );
    const answer = await connection.answer;
    this.pending.delete(pending);
    const fault: unknown = Reflect.get(connection.response, 'fault');
    const status = answer?.status ?? 0;
    if (status >= 500 && status !== 503 && !(fault instanceof PlantedError))
      report('answers', `${request.method} ${request.path} was answered ${status}: ${describe(fault)}`);
    // The client closes: nothing may come of that any more.
    connection.hangUp();
    const isLate = keys !== undefined && this.now - keys.changedAt > KEY_NOTICED_MS + readsAfter;
    if (isLate && tasksIn(answer).length > 0 && !keys.isGood(connection.principal))
      report(
        'INV-20',
        `${request.method} ${request.path} was answered with tasks for a key that is withdrawn`,
      );
    return answer;
  }

  private async enqueue(wish: Wish, ask: Ask): Promise<void> {
    const t0 = this.parts.history.now();
    this.enqueuesSent += 1;
    this.note(wish);
    const answer = await ask(post('/tasks', asBody(wish)));
    this.recordEnqueue(t0, wish, resultOfAnswer(answer), answer?.status === 201);
    if (answer?.status === 409) this.judgeConflict(wish);
  }

  private async enqueueAll(
    wishes: readonly Wish[],
    batch: { id: string; maxFailures?: number; callback?: string } | undefined,
    ask: Ask,
  ): Promise<void> {
    const t0 = this.parts.history.now();
    this.enqueuesSent += 1;
    const judgeRoom = this.parts.watchRoom(wishes);
    for (const wish of wishes) this.note(wish);
    if (batch !== undefined) for (const { eval_id: id } of wishes) this.batched.add(id);
    for (const id of [batch?.id, ...wishes.map((wish) => wish.batch_id)])
      if (id !== undefined) this.opened.set(id, this.now);
    this.mayCancelBatches ||= batch?.maxFailures !== undefined;
    const tasks = wishes.map(asBody);
    const answer = await ask(
      post('/tasks/batch', {
        tasks,
        batch_id: batch?.id,
        max_failures: batch?.maxFailures,
        callback_url: batch?.callback,
      }),
    );
    const results = (answer?.body.results ?? []) as { problem?: { code: string; status: number } }[];
    if (results.some(({ problem }) => problem?.code === 'queue_full')) judgeRoom();
    wishes.forEach((wish, index) => {
      const problem = results[index]?.problem;
      const res = problem === undefined ? resultOfAnswer(answer) : resultOf(problem.status);
      if (problem?.code === 'conflict') this.judgeConflict(wish);
      // Whether it was new, the answer to many does not say.
      this.recordEnqueue(t0, wish, res, undefined);
    });
  }

  private async poll(step: Step, entrance: Entrance, poll: Poll): Promise<void> {
    const { scheduler, history } = this.parts;
    const t0 = this.parts.history.now();
    const { worker, queues, wait, max, labels, claimId, lease, hangsUpAfter, readsAfter } = poll;
    const claim = { worker_id: worker, queues, max_tasks: max, wait, labels, claim_id: claimId, lease };
    const request =
      worker === undefined
        ? get(`/tasks/next?wait=${wait}&queue=${queues.join(',')}`)
        : post('/tasks/claim', claim);
    const manner = { waitSeconds: wait, hangsUpAfter, readsAfter, isKeyed: poll.isKeyed };
    // Claims with keys for other queues are others.
    const scope = poll.isKeyed ? this.parts.keys?.principal?.queues.join() : '';
    const answer = await this.ask(step, entrance, request, manner);
    const tasks = tasksIn(answer);
    const held = tasks.map((task) => heldBy(task, poll, { sentAt: t0, epoch: this.parts.epoch }));
    for (const each of held) this.delivered.add(each.lease);
    const key = claimId === undefined ? undefined : `${worker ?? ''} ${claimId} ${scope}`;
    history.add(t0, {
      f: 'lease',
      res: poll.isKeyed && isRefused(answer) ? 'info' : resultOfAnswer(answer),
      queues,
      max: worker === undefined ? 1 : max,
      claimId: key,
      grants: tasks.map((task, index) => ({
        id: String(task.eval_id),
        token: String(task.lease_id),
        attempt: Number(task.attempt),
        leaseMs: held[index]?.leaseMs ?? 0,
        hash: String(task.code),
      })),
    });
    if (answer === undefined && poll.asksAgainAfter !== undefined) {
      const again = { ...poll, hangsUpAfter: undefined, asksAgainAfter: undefined, readsAfter: 0 };
      scheduler.after(
        poll.asksAgainAfter,
        'ask again',
        () => void this.poll({ ...step, ...again }, entrance, again),
      );
    }
    if (held.length > 0) this.work(step, entrance, poll, held);
  }

  private work(step: Step, entrance: Entrance, poll: Poll, held: readonly Held[]): void {
    const { scheduler } = this.parts;
    const { work } = poll;
    const { ending } = work;
    if (ending === 'vanish') return;
    scheduler.after(work.after, 'work', () => {
      this.lastActivity = this.now;
      if (ending === 'in bulk') {
        void this.finishAll(step, entrance, held);
        return;
      }
      if (ending === 'and next') {
        void this.finishAll(step, entrance, held, poll);
        return;
      }
      for (const each of held) {
        if (ending === 'beat') void this.beat(step, entrance, each, work);
        else void this.end(step, entrance, each, ending, work.errorLength);
      }
    });
  }

  private async beat(step: Step, entrance: Entrance, held: Held, work: Work): Promise<void> {
    const { scheduler, history } = this.parts;
    const t0 = this.parts.history.now();
    const { id, lease } = held;
    const answer = await this.ask(step, entrance, post(`/tasks/${id}/heartbeat`, { lease_id: lease }));
    const leaseMs = this.leaseLeft(answer, t0) ?? held.leaseMs;
    history.add(t0, { f: 'heartbeat', id, token: lease, leaseMs, res: resultOfAnswer(answer) });
    this.judgeReport('heartbeat', held, t0, answer?.status, answer?.body);
    scheduler.after(work.after, 'work', () => {
      this.lastActivity = this.now;
      void this.end(step, entrance, held, 'complete', 0);
    });
  }

  /** How long the lease lasts after a heartbeat of this time. A poll that waited long began long before its lease. */
  private leaseLeft(answer: Answer | undefined, sentAt: Ms): Ms | undefined {
    const { epoch } = this.parts;
    const expires = answer?.status === 200 ? Date.parse(String(answer.body.lease_expires_at)) : Number.NaN;
    return epoch === undefined || Number.isNaN(expires) ? undefined : expires - epoch - sentAt;
  }

  private async end(
    step: Step,
    entrance: Entrance,
    held: Held,
    f: 'complete' | 'fail' | 'release',
    errorLength: number,
  ): Promise<void> {
    const t0 = this.parts.history.now();
    const { id, lease } = held;
    this.noteReport(lease);
    const error = f === 'fail' ? 'e'.repeat(errorLength) : undefined;
    const answer = await this.ask(step, entrance, post(`/tasks/${id}/${f}`, { lease_id: lease, error }));
    this.recordEnd(t0, f, held, resultOfAnswer(answer), answer?.body);
    this.judgeReport(f, held, t0, answer?.status, answer?.body);
  }

  /** @param next claims like this with the same request */
  private async finishAll(step: Step, entrance: Entrance, held: readonly Held[], next?: Poll): Promise<void> {
    const t0 = this.parts.history.now();
    for (const { lease } of held) this.noteReport(lease);
    const results = held.map(({ id, lease }) => ({ eval_id: id, lease_id: lease, status: 'completed' }));
    const claim = next && {
      worker_id: next.worker ?? 'w1',
      queues: next.queues,
      max_tasks: 1,
      wait: Math.min(next.wait, 2),
      labels: next.worker === undefined ? undefined : next.labels,
    };
    const manner = { waitSeconds: claim?.wait, isKeyed: next?.isKeyed };
    const answer = await this.ask(step, entrance, post('/tasks/complete', { results, claim }), manner);
    if (next !== undefined) this.goOn(step, entrance, next, { t0, answer });
    held.forEach((each, index) => {
      const { problem, status } = outcomesIn(answer)[index] ?? {};
      const res = problem === undefined ? resultOfAnswer(answer) : resultOf(Number(problem.status));
      this.recordEnd(t0, 'complete', each, res, { status });
      this.judgeReport('complete', each, t0, Number(problem?.status), problem);
    });
  }

  /** Takes what came with the answer to a report. */
  private goOn(
    step: Step,
    entrance: Entrance,
    before: Poll,
    { t0, answer }: { readonly t0: Ms; readonly answer: Answer | undefined },
  ): void {
    const tasks = tasksIn(answer);
    // What stands against the claim takes no answer away, so nobody knows what it did.
    if (tasks.length === 0) {
      this.parts.history.add(t0, { f: 'lease', res: 'info', queues: before.queues, max: 1, grants: [] });
      return;
    }
    const poll: Poll = {
      ...before,
      worker: before.worker ?? 'w1',
      lease: undefined,
      claimId: undefined,
      work: { ...before.work, ending: 'complete' },
    };
    const held = tasks.map((task) => heldBy(task, poll, { sentAt: t0, epoch: this.parts.epoch }));
    for (const each of held) this.delivered.add(each.lease);
    const grants = tasks.map((task, index) => ({
      id: String(task.eval_id),
      token: String(task.lease_id),
      attempt: Number(task.attempt),
      leaseMs: held[index]?.leaseMs ?? 0,
      hash: String(task.code),
    }));
    this.parts.history.add(t0, { f: 'lease', res: 'ok', queues: before.queues, max: 1, grants });
    this.work(step, entrance, poll, held);
  }

  private async awaitTask(id: string, step: Manner & { wait: number }, ask: Ask): Promise<void> {
    const t0 = this.parts.history.now();
    const answer = await ask(get(`/tasks/${id}?wait=${step.wait}`), { ...step, waitSeconds: step.wait });
    if (answer?.status === 200)
      this.parts.history.add(t0, { f: 'get', id, res: 'ok', state: answer.body.status as 'queued' });
  }

  private async cancel(id: string, ask: Ask): Promise<void> {
    const t0 = this.parts.history.now();
    this.touched.add(id);
    const answer = await ask(post(`/tasks/${id}/cancel`));
    this.parts.history.add(t0, { f: 'cancel', id, res: resultOfAnswer(answer) });
  }

  private async clear({ queue, status }: { queue?: string; status?: string }, ask: Ask): Promise<void> {
    const t0 = this.parts.history.now();
    const query = new URLSearchParams();
    if (queue !== undefined) query.set('queue', queue);
    if (status !== undefined) query.set('status', status);
    this.clears.push(t0);
    const isAll = queue === undefined && status === undefined;
    const answer = await ask({ method: 'DELETE', path: `/tasks${isAll ? '' : `?${query}`}` });
    this.clears.push(this.now);
    this.cleared.push(this.now);
    const res = resultOfAnswer(answer);
    // Of a clear of some tasks the history knows only that it may have removed any. Of tasks of schedules it knows nothing.
    const removed = this.hasSchedules ? undefined : Number(answer?.body.tasks_removed);
    const operation: Untimed =
      isAll && res === 'ok'
        ? { f: 'clear', res, removed }
        : { f: 'clear', res: res === 'fail' ? 'fail' : 'info' };
    this.parts.history.add(t0, operation);
  }

  private async sendAgain(ask: Ask): Promise<void> {
    const page = await ask(get('/webhooks/deliveries?limit=20'));
    const deliveries = (page?.body.deliveries ?? []) as { delivery_id: string; message_id: string }[];
    for (const { delivery_id, message_id } of deliveries.slice(0, 2)) {
      // The service may send it before it answers this call.
      const askedAt = this.now;
      const answer = await ask(post(`/webhooks/deliveries/${delivery_id}/redeliver`));
      if (answer?.status === 200) this.resent.set(message_id, askedAt);
    }
  }

  private note(wish: Wish): void {
    const { batch_id: batchId, ...content } = wish;
    if (batchId !== undefined) this.batched.add(wish.eval_id);
    const known = this.wishes.get(wish.eval_id) ?? new Set();
    this.wishes.set(wish.eval_id, known.add(JSON.stringify(content)));
  }

  private judgeConflict({ eval_id: id }: Wish): void {
    if (this.wishes.get(id)?.size === 1)
      this.parts.report('INV-14', `${id} was refused as a conflict though it was sent with one content only`);
  }

  /** A worker that holds a lease is believed; one whose task was cleared is told so. */
  private judgeReport(
    f: string,
    { id, lease, sentAt, leaseMs }: Held,
    t0: Ms,
    status: number | undefined,
    body: Readonly<Record<string, unknown>> | undefined,
  ): void {
    const { report } = this.parts;
    const isCleared = this.clears.some((at) => at >= sentAt);
    // While a clear is under way either answer may come.
    const wasCleared = this.cleared.some((at) => at >= sentAt && at <= t0);
    const isTouched = this.touched.has(id);
    if (status === 404 && wasCleared && !isTouched)
      report('leases', `${f} of ${id} was answered 404 after a clear, and not lease_lost with cleared`);
    const reports = (this.reports.get(lease) ?? 0) - (f === 'heartbeat' ? 0 : 1);
    const mayBeOver = this.now >= sentAt + leaseMs || t0 >= sentAt + leaseMs || reports > 0;
    if (status !== 409 || isCleared || isTouched || mayBeOver || body?.reason === 'cancelled') return;
    report('leases', `${f} of ${id} was refused (${String(body?.reason ?? body?.code)}) within its lease`);
  }

  /** What it is about, the history does not tell: tasks that were known when it was sent, or answered. */
  private async untelling(asked: Promise<unknown>): Promise<void> {
    const untell = () => {
      for (const id of this.wishes.keys()) {
        this.untold.add(id);
        this.touched.add(id);
      }
    };
    untell();
    await asked;
    untell();
  }

  private noteReport(lease: string): void {
    this.reports.set(lease, (this.reports.get(lease) ?? 0) + 1);
  }

  private recordEnqueue(t0: Ms, wish: Wish, res: Result, isCreated: boolean | undefined): void {
    const { eval_id: id, queue, group, code, priority = 1, delay = 0, ttl } = wish;
    if (res === 'ok') this.acknowledged.add(id);
    this.parts.history.add(t0, {
      f: 'enqueue',
      id,
      queue,
      group,
      hash: code,
      priority,
      delayMs: delay * 1000,
      ttlMs: ttl === undefined ? undefined : ttl * 1000,
      maxAttempts: wish.max_attempts ?? 1,
      maxInterruptions: wish.max_interruptions ?? 3,
      isCreated,
      res,
    });
  }

  private recordEnd(
    t0: Ms,
    f: 'complete' | 'fail' | 'release',
    { id, lease }: Pick<Held, 'id' | 'lease'>,
    res: Result,
    body: Readonly<Record<string, unknown>> | undefined,
  ): void {
    const state = res === 'ok' ? (body?.status as 'completed') : undefined;
    this.parts.history.add(t0, { f, id, token: lease, res, state });
  }
}

type Ask = (request: Request, manner?: Manner) => Promise<Answer | undefined>;

export function get(path: string): Request {
  return { method: 'GET', path };
}

export function post(path: string, body?: object): Request {
  return { method: 'POST', path, body };
}

/** Whether a worker with these labels may have a task. */
export function satisfies(offer: Labels | undefined, requires: Labels | undefined): boolean {
  return Object.entries(requires ?? {}).every(([label, value]) => offer?.[label] === value);
}

function asBody(wish: Wish): object {
  return { timeout: DEFAULT_TIMEOUT_SECONDS, ...JSON.parse(JSON.stringify(wish)) };
}

/** What a bulk report did, task by task. */
function outcomesIn(answer: Answer | undefined) {
  return (answer?.body.results ?? []) as { problem?: Record<string, unknown>; status?: string }[];
}

function tasksIn(answer: Answer | undefined): readonly Readonly<Record<string, unknown>>[] {
  if (answer?.status !== 200) return [];
  if ('tasks' in answer.body) return answer.body.tasks as Readonly<Record<string, unknown>>[];
  return 'eval_id' in answer.body ? [answer.body] : [];
}

/** A lease that another call with the same `claim_id` has taken began before, and has the length that this one gave. */
function heldBy(
  task: Readonly<Record<string, unknown>>,
  { worker, lease }: Poll,
  { sentAt, epoch }: { readonly sentAt: Ms; readonly epoch: number | undefined },
): Held {
  const length =
    1000 * (worker === undefined || lease === undefined ? Number(task.timeout) + GRACE_SECONDS : lease);
  const leaseMs = epoch === undefined ? length : Date.parse(String(task.lease_expires_at)) - epoch - sentAt;
  return { id: String(task.eval_id), lease: String(task.lease_id), sentAt, leaseMs, worker };
}

/** What was claimed for a key that is withdrawn meanwhile is given back: the attempt was one. */
function isRefused(answer: Answer | undefined): boolean {
  return answer?.status === 401 || answer?.status === 403;
}

/** No answer that was read in full says nothing. */
function resultOfAnswer(answer: Answer | undefined): Result {
  return resultOf(answer?.status, answer?.body.applied);
}

function describe(fault: unknown): string {
  return fault instanceof Error
    ? (fault.stack ?? fault.message).split('\n').slice(0, 4).join(' ')
    : String(fault);
}
