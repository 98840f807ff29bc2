import type { FinishedBatch } from '../../src/batches/batch.js';
import { isDone, sumOf, type Batch } from '../../src/batches/batch.js';
import type { QueueSettings } from '../../src/task/queue-settings.js';
import type { QueueCounts } from '../../src/storage/task-views.js';
import { dueAt } from '../../src/task/task.machine.js';
import { isFinished, type QueuedTask, type Task } from '../../src/task/task.js';
import { countIn } from '../../src/task/task-state.js';
import type { Delivery } from '../../src/webhooks/delivery.js';
import { checkHistory } from '../support/history.check.js';
import type { HistoryRecorder, Operation } from '../support/history.js';
import { type Clients, type Pending, satisfies } from './clients.js';
import type { Plan, Wish } from './plan.js';
import type { Receivers } from './receivers.js';
import type { Ms, Scheduler } from './scheduler.js';
import { PlantedError } from './stores.js';
import type { StoreSite } from './store-line.js';

export interface Violation {
  readonly rule: string;
  readonly detail: string;
  /** When it was seen. */
  readonly at: Ms;
}

export interface CheckParts {
  readonly plan: Plan;
  readonly site: StoreSite;
  readonly scheduler: Scheduler;
  readonly clients: Clients;
  readonly receivers: Receivers;
  readonly report: (rule: string, detail: string) => void;
}

/** What is told late is late by no more than this. */
const CALM_MS = 1_000;
/** What is due was done by then. */
const OVERDUE_MS = 3_000;
/** An outage is over for everybody after this: some look only every few seconds. */
const RECOVERED_MS = 12_000;
/** Ended tasks that one commit may take along: nobody else has a turn meanwhile. */
const MOST_EXPIRED = 500;
/** A claim that came before a limit was set has its answer by then. */
const IN_FORCE_MS = 400;
const FIRST_WEBHOOK_WAIT_MS = 5_000;
const WEBHOOK_TIMEOUT_MS = 10_000;
const SILENCE_MS = 30_000;
/** A webhook that is due by then is waited for. */
const SOON_MS = 15_000;

const CLOCK_RULES: ReadonlySet<string> = new Set(['INV-12', 'INV-13']);

interface Told {
  readonly id: string;
  readonly doneAt: number;
}

/** What the store has, read at rest. */
interface Snapshot {
  readonly tasks: readonly Task[];
  readonly counts: readonly QueueCounts[];
  readonly settings: ReadonlyMap<string, QueueSettings>;
}

/** Looks at everything at rest, when nothing is under way; and judges the history at the end. */
export class Checks {
  isEnding = false;
  private readonly told: Told[] = [];
  /** What looked wrong at the last look: it may be about to be put right. */
  private suspicions = new Set<string>();
  private looks = 0;
  /** Whether something looked wrong that another look may confirm. */
  isLooking = false;
  /** Tasks that wait, that there ever were, and that began to wait, in that order. */
  private readonly waiting = new Set<string>();
  private readonly known = new Set<string>();
  private readonly arrivals: string[] = [];
  /** What is being worked on. */
  private readonly active = new Map<string, Task['spec']>();
  private readonly limits = new Map<string, { settings: QueueSettings; since: Ms }>();

  constructor(private readonly parts: CheckParts) {
    parts.site.onCommit((transitions) => {
      const expired = transitions.filter(({ type }) => type === 'expired').length;
      if (expired > MOST_EXPIRED)
        parts.report('bounded work', `one commit expired ${expired} tasks; ${MOST_EXPIRED} are enough`);
      for (const { task } of transitions) {
        if (task.state === 'processing') this.active.set(task.spec.id, task.spec);
        else this.active.delete(task.spec.id);
        this.noteDepth(task);
      }
      for (const { type, task } of transitions) if (type === 'processing') this.claimed(task);
    });
    parts.site.onLoosened((queue) => {
      if (queue !== undefined) void this.readLimits(queue).catch(() => undefined);
    });
  }

  /** What was committed at the last moment of a process that was killed was not told: looks for itself. */
  async reopened(): Promise<void> {
    const { tasks, settings } = await pastPlanted(() => this.read());
    this.active.clear();
    this.waiting.clear();
    for (const task of tasks) {
      if (task.state === 'processing') this.active.set(task.spec.id, task.spec);
      this.noteDepth(task);
    }
    for (const [queue, each] of settings)
      this.limits.set(queue, { settings: each, since: this.parts.scheduler.now });
  }

  toldOf({ id, doneAt }: FinishedBatch): void {
    this.told.push({ id, doneAt });
  }

  async configuredQueues(): Promise<readonly string[]> {
    const configured = await this.parts.site.inner.settings.all();
    return configured.map(({ queue }) => queue);
  }

  async hasWork(): Promise<boolean> {
    const { tasks } = await pastPlanted(() =>
      this.parts.site.inner.views.list({
        states: ['queued', 'delayed', 'processing'],
        limit: 1_000,
        queues: ['default', 'a', 'b'],
      }),
    );
    return tasks.length > 0 || (await this.hasDeliveries());
  }

  /** How late a webhook may be: a host that is silent gets one at a time, and each takes as long as its sender waits. */
  private get patience(): Ms {
    const { receivers, scheduler } = this.parts;
    const isSilent = receivers.attempts.some(
      ({ at, status }) => status === 0 && at > scheduler.now - SILENCE_MS,
    );
    return isSilent ? SILENCE_MS : RECOVERED_MS;
  }

  /** Whether a webhook is to be tried soon; one that was not tried in time says so at the next look. */
  private async hasDeliveries(): Promise<boolean> {
    const { wall } = this.parts.scheduler.clock.now();
    const { documents } = await this.parts.site.inner.documents.list('delivery', { limit: 500 });
    return documents.some(({ text }) => {
      const delivery = JSON.parse(text) as Delivery;
      const isSoon = delivery.nextAt < wall + SOON_MS && delivery.nextAt > wall - this.patience - 2 * CALM_MS;
      return delivery.state === 'pending' && isSoon;
    });
  }

  /**
   * Looks whether anything waits that should not. What is wrong twice, with a while in between, is reported.
   *
   * @param lookAgain has this called again after a while
   */
  async rest(lookAgain: () => void): Promise<void> {
    await pastPlanted(() => this.look(lookAgain));
  }

  private async look(lookAgain: () => void): Promise<void> {
    const { scheduler, clients } = this.parts;
    const isCalm = scheduler.now - clients.lastActivity >= CALM_MS && !this.isAfterOutage(RECOVERED_MS);
    const snapshot = await this.read();
    const found = new Map<string, string>();
    const suspect = (rule: string, detail: string) => found.set(`${rule}: ${detail}`, rule);
    this.latePending(suspect);
    this.countsAgree(snapshot, suspect);
    if (isCalm) {
      await this.parkedPolls(snapshot, suspect);
      await this.parkedReads(snapshot, suspect);
      this.overdue(snapshot, suspect);
      this.leasedToNobody(snapshot, suspect);
      await this.batches(snapshot, suspect);
      await this.deliveries(suspect);
      await this.positions(snapshot, suspect);
      await this.retention(snapshot, suspect);
      await this.schedules(suspect);
      await this.schedulesGoOn(suspect);
      this.parkedKeys(suspect);
    }
    const confirmed = [...found].filter(([text]) => this.suspicions.has(text));
    for (const [text, rule] of confirmed) this.parts.report(rule, text.slice(rule.length + 2));
    this.suspicions = new Set(found.keys());
    this.isLooking = found.size > 0 && this.looks < 5;
    this.looks = this.isLooking ? this.looks + 1 : 0;
    if (this.isLooking) lookAgain();
  }

  /** Judges what the clients saw. */
  judge(history: HistoryRecorder): void {
    const { plan, clients, report } = this.parts;
    const isTold = (id: string) =>
      clients.wishes.has(id) &&
      !clients.untold.has(id) &&
      !(clients.mayCancelBatches && clients.batched.has(id));
    const isAllTold = history.operations.every((operation) => !('id' in operation) || isTold(operation.id));
    const isPlain = plan.theme === 'plain' && isAllTold;
    // A task over the limits of retention is gone, and its id may be used again.
    const again = plan.theme === 'retention' ? twiceCreated(history) : new Set<string>();
    const isForgotten = (operation: Operation) =>
      plan.theme === 'retention' &&
      ((operation.f === 'get' && operation.state === 'absent') ||
        ('id' in operation && again.has(operation.id)));
    const kept = history.operations.flatMap((operation) => {
      if (operation.f === 'lease')
        return { ...operation, grants: operation.grants.filter(({ id }) => isTold(id) && !again.has(id)) };
      if (operation.f === 'clear') return isAllTold ? operation : { ...operation, removed: undefined };
      return isTold(operation.id) && !isForgotten(operation) ? operation : [];
    });
    const { violations } = checkHistory(
      { operations: kept, faults: [] },
      { hasFaults: false, skewMs: 400, groupLimit: isPlain ? undefined : Infinity },
    );
    // Calls that nobody could record may have ended them: of a broken disk nothing is known.
    if (plan.theme === 'broken disk') return;
    // Delays and times to live go by the clock that somebody sets.
    const isByClock = (rule: string) => plan.theme === 'clocks' && CLOCK_RULES.has(rule);
    for (const { rule, detail } of violations) if (!isByClock(rule)) report(rule, detail);
  }

  private noteDepth({ state, spec: { id } }: Task): void {
    this.known.add(id);
    if (state !== 'queued' && state !== 'delayed') this.waiting.delete(id);
    else if (!this.waiting.has(id)) {
      this.waiting.add(id);
      this.arrivals.push(id);
    }
  }

  private async readLimits(queue: string): Promise<void> {
    // The store may answer late. Until then it is not known which limits are in force.
    this.limits.delete(queue);
    const settings = await this.parts.site.inner.settings.of(queue);
    this.limits.set(queue, { settings, since: this.parts.scheduler.now });
  }

  private isAfterOutage(ms: Ms): boolean {
    const last = this.parts.site.outages.at(-1);
    return last !== undefined && this.parts.scheduler.now - last < ms;
  }

  private async read(): Promise<Snapshot> {
    const { inner } = this.parts.site;
    const tasks: Task[] = [];
    let cursor: string | undefined;
    do {
      const page = await inner.views.list({ limit: 1_000, cursor });
      tasks.push(...page.tasks);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const configured = await inner.settings.all();
    const settings = new Map(configured.map((each) => [each.queue, each.settings]));
    return { tasks: tasks.toReversed(), counts: await inner.views.counts(), settings };
  }

  /** INV-22: every request ends. */
  private latePending(suspect: Suspect): void {
    const { clients, scheduler } = this.parts;
    for (const { step, dueAt: due, entrance } of clients.pending) {
      if (entrance.isOpen && due < scheduler.now)
        suspect('liveness', `"${step.do}" of ${step.at} ms has no answer, which was due at ${due} ms`);
    }
  }

  /** INV-17: what is counted is what is there. */
  private countsAgree({ tasks, counts }: Snapshot, suspect: Suspect): void {
    for (const { queue, counts: counted } of counts) {
      for (const [state, count] of Object.entries(counted)) {
        const there = tasks.filter((task) => task.spec.queue === queue && task.state === state).length;
        if (there !== count)
          suspect('INV-17', `queue ${queue} counts ${count} ${state} tasks, ${there} are there`);
      }
    }
  }

  /** No ready task has an eligible waiter. */
  private async parkedPolls(snapshot: Snapshot, suspect: Suspect): Promise<void> {
    for (const pending of this.parts.clients.pending) {
      if (pending.step.do !== 'poll' || pending.isGone || !pending.entrance.isOpen) continue;
      const task = await this.taskFor(pending, snapshot);
      if (task !== undefined)
        suspect(
          'liveness',
          `the poll of ${pending.sentAt} ms waits and could have ${task.spec.id} (${task.state})`,
        );
    }
  }

  private async taskFor({ step }: Pending, snapshot: Snapshot): Promise<Task | undefined> {
    if (step.do !== 'poll') return undefined;
    const { worker, queues, labels, claimId } = step;
    // A claim with the same id for other queues, at another process, gets these tasks only when its wait ends.
    const isKnown = ({ spec }: Task) => this.parts.plan.replicas === 1 || queues.includes(spec.queue);
    const held = snapshot.tasks.find(
      (task) =>
        claimId !== undefined &&
        isKnown(task) &&
        task.state === 'processing' &&
        task.lease.claimId === claimId &&
        task.lease.workerId === worker,
    );
    if (held !== undefined) return held;
    for (const queue of queues) {
      for (const task of await this.readyIn(queue, snapshot)) {
        if (satisfies(labels, task.spec.requires)) return task;
      }
    }
    return undefined;
  }

  /** What the limits of a queue allow to be handed out now. */
  private async readyIn(queue: string, { tasks, settings }: Snapshot): Promise<readonly QueuedTask[]> {
    const { inner } = this.parts.site;
    const {
      paused,
      maxConcurrency = Infinity,
      maxConcurrencyPerGroup = Infinity,
    } = settings.get(queue) ?? {};
    const active = tasks.filter((task) => task.state === 'processing' && task.spec.queue === queue);
    if (paused === true || active.length >= maxConcurrency || (await inner.settings.untilAllowed(queue)) > 0)
      return [];
    const { wall } = this.parts.scheduler.clock.now();
    return tasks.filter((task): task is QueuedTask => {
      if (task.state !== 'queued' || task.spec.queue !== queue || (task.startBy ?? Infinity) <= wall)
        return false;
      const { group } = task.spec;
      const ofGroup = active.filter(({ spec }) => spec.group === group).length;
      return group === undefined || ofGroup < maxConcurrencyPerGroup;
    });
  }

  /** A read waits for nothing that has happened. */
  private async parkedReads({ tasks }: Snapshot, suspect: Suspect): Promise<void> {
    for (const { step, sentAt, isGone, entrance } of this.parts.clients.pending) {
      if (isGone || !entrance.isOpen) continue;
      if (step.do === 'await task') {
        const task = tasks.find(({ spec }) => spec.id === step.id);
        if (task === undefined || isFinished(task))
          suspect(
            'liveness',
            `the read of ${sentAt} ms waits for ${step.id}, which is ${task?.state ?? 'gone'}`,
          );
      }
      if (step.do === 'await batch') {
        const counts = sumOf(
          (await this.parts.site.inner.views.countBatch(step.id)).map((each) => each.counts),
        );
        if (isDone(counts) || countIn(counts) === 0)
          suspect('liveness', `the read of ${sentAt} ms waits for batch ${step.id}, which is done or gone`);
      }
    }
  }

  /** INV-08, as far as time alone has to act. */
  private overdue({ tasks }: Snapshot, suspect: Suspect): void {
    const now = this.parts.scheduler.clock.now();
    for (const task of tasks) {
      const due = isFinished(task) ? undefined : dueAt(task, 0);
      if (due !== undefined && due.at < now[due.scale] - OVERDUE_MS)
        suspect('liveness', `${task.spec.id} is ${task.state} though its time was over at ${due.at}`);
    }
  }

  /** What nobody was told of goes straight back. */
  private leasedToNobody({ tasks }: Snapshot, suspect: Suspect): void {
    const { clients, plan, site } = this.parts;
    if (site.outages.length > 0 || plan.theme === 'broken disk') return;
    for (const task of tasks) {
      if (task.state === 'processing' && !clients.delivered.has(task.lease.id))
        suspect('INV-23', `${task.spec.id} is leased to a client that hung up before it was told`);
    }
  }

  /** A batch that is done is told of once more than it was before; one with too many failures is cancelled. */
  private async batches({ tasks }: Snapshot, suspect: Suspect): Promise<void> {
    const { site, clients, scheduler } = this.parts;
    const { documents } = site.inner;
    const startedAt = scheduler.clock.now().wall - scheduler.now;
    const { documents: kept } = await documents.list('batch', { limit: 100 });
    for (const { id, text } of kept) {
      const batch = JSON.parse(text) as Batch;
      const counts = sumOf((await site.inner.views.countBatch(id, batch.queues)).map((each) => each.counts));
      const named = tasks.filter(({ spec }) => spec.batchId === id);
      const ofBatch = named.filter(({ spec }) => batch.queues?.includes(spec.queue) ?? true);
      // An enqueue that failed in the middle joins when it is repeated, which these clients do not do.
      for (const { spec } of named)
        if (clients.acknowledged.has(spec.id) && !ofBatch.some((task) => task.spec.id === spec.id))
          suspect('batches', `${id} does not cover ${spec.queue}, the queue of ${spec.id}`);
      const ends = ofBatch.flatMap((task) => (isFinished(task) ? [task.finishedAt] : []));
      // A limit that is passed when it is set is noticed with the next end of a task.
      const isNoticed = Math.max(...ends) > (clients.opened.get(id) ?? 0) + startedAt;
      if (
        batch.maxFailures !== undefined &&
        counts.failed > batch.maxFailures &&
        !isDone(counts) &&
        isNoticed
      )
        suspect('batches', `${id} has ${counts.failed} failed tasks of ${batch.maxFailures} and goes on`);
      if (!isDone(counts)) continue;
      const lastEnd = Math.max(...ends);
      // What was cleared or removed leaves no trace: the batch may have become done by that.
      const mayHaveShrunk = clients.clears.some((at) => at + startedAt >= lastEnd) || clients.hasRemoved;
      // An end that was marked when the store went away is told by the sweeper, which looks once a minute.
      const mayBeToldLater = site.outages.some((at) => at + startedAt >= lastEnd);
      const isTold = this.told.some((told) => told.id === id && told.doneAt >= lastEnd);
      if (!isTold && !mayHaveShrunk && !mayBeToldLater)
        suspect('batches', `${id} is done since ${lastEnd - startedAt} ms, and nobody was told`);
    }
  }

  private async deliveries(suspect: Suspect): Promise<void> {
    const { site, clients, receivers, scheduler } = this.parts;
    const { documents } = await site.inner.documents.list('delivery', { limit: 500 });
    const startedAt = scheduler.clock.now().wall - scheduler.now;
    const { patience } = this;
    for (const { text } of documents) {
      const delivery = JSON.parse(text) as Delivery;
      if (delivery.state !== 'pending') continue;
      const next = delivery.nextAt - startedAt;
      if (next < scheduler.now - patience)
        suspect('webhooks', `${delivery.id} was due at ${next} ms and is not tried`);
      const resentAt = clients.resent.get(delivery.messageId);
      const since = receivers.attempts.filter(
        ({ messageId, at }) => messageId === delivery.messageId && resentAt !== undefined && at >= resentAt,
      );
      const last = since.at(-1);
      if (last === undefined) continue;
      // A receiver that says nothing is given up after a while.
      const silence = last.status === 0 ? WEBHOOK_TIMEOUT_MS : 0;
      const longest = silence + FIRST_WEBHOOK_WAIT_MS * 2 ** (since.length - 1) * 1.2 + 200;
      if (next - last.at > longest)
        suspect(
          'webhooks',
          `${delivery.id} was sent again, failed ${since.length} times and waits ${next - last.at} ms`,
        );
    }
  }

  /** INV-15 where waiting counts: without groups the order is known. */
  private async positions({ tasks, settings }: Snapshot, suspect: Suspect): Promise<void> {
    for (const [queue, { priorityAgeing: ageing }] of settings) {
      const ready = tasks.filter((task) => task.state === 'queued' && task.spec.queue === queue);
      if (ageing === undefined || ready.some(({ spec }) => spec.group !== undefined)) continue;
      const worth = ({ spec, createdAt }: Task) => spec.priority * ageing * 1000 - createdAt;
      if (new Set(ready.map(worth)).size < ready.length) continue;
      const inOrder = ready.toSorted((one, other) => worth(other) - worth(one));
      for (const [index, task] of inOrder.entries()) {
        const position = await this.parts.site.inner.views.position(task);
        if (position !== index + 1)
          suspect('INV-15', `${task.spec.id} is said to be at ${position}, and is at ${index + 1}`);
      }
    }
  }

  /** What is kept of ended tasks is within the limit, whatever it is. */
  private async retention({ tasks }: Snapshot, suspect: Suspect): Promise<void> {
    const { plan, site } = this.parts;
    if (plan.theme !== 'retention') return;
    let bytes = 0;
    for (const task of tasks.filter(isFinished)) {
      const parts = [await site.inner.findPayload(task.spec.id), await site.inner.findOutput(task.spec.id)];
      bytes += Buffer.byteLength(JSON.stringify([parts, await site.inner.findAttempts(task.spec.id)]));
    }
    if (bytes > plan.flavour.retentionMaxBytes)
      suspect(
        'retention',
        `${bytes} bytes of ended tasks are kept, ${plan.flavour.retentionMaxBytes} are allowed`,
      );
  }

  /** No request waits on with a key that does not let it in any more. */
  private parkedKeys(suspect: Suspect): void {
    for (const { step, sentAt, isGone, connection } of this.parts.clients.pending) {
      const { keys, principal } = connection;
      if (!isGone && keys !== undefined && !keys.isGood(principal))
        suspect('INV-20', `"${step.do}" of ${sentAt} ms waits with a key that was withdrawn`);
    }
  }

  /** Wherever somebody has set the clock to: a schedule is not silent. */
  private async schedulesGoOn(suspect: Suspect): Promise<void> {
    const { plan, site, scheduler, clients } = this.parts;
    if (plan.theme !== 'clocks') return;
    const { documents } = await site.inner.documents.list('schedule', { limit: 10 });
    const { wall } = scheduler.clock.now();
    for (const { text } of documents) {
      const { id, cron } = JSON.parse(text) as Record<string, string>;
      const every = 1000 * Number(/^\*\/(\d+)/.exec(cron ?? '')?.[1] ?? 1);
      const due = Math.floor((wall - OVERDUE_MS) / every) * every;
      const name = `${id}:${new Date(due).toISOString().replace('.000Z', 'Z')}`;
      const isNew = scheduler.now - (clients.scheduled.get(id ?? '') ?? 0) < RECOVERED_MS;
      if (!isNew && (await site.inner.find(name)) === undefined)
        suspect('schedules', `${id} is silent since the clock was set`);
    }
  }

  /** There is a task for every due time. */
  private async schedules(suspect: Suspect): Promise<void> {
    const { site, scheduler, clients } = this.parts;
    if (site.outages.length > 0 || clients.clears.length > 0 || clients.hasRemoved) return;
    const { documents } = await site.inner.documents.list('schedule', { limit: 10 });
    const { wall } = scheduler.clock.now();
    for (const { text } of documents) {
      const { id, cron, since, queue } = JSON.parse(text) as Record<string, string> & { since: number };
      if ((await site.inner.settings.of(queue ?? '')).maxDepth !== undefined) continue;
      const every = 1000 * Number(/^\*\/(\d+)/.exec(cron ?? '')?.[1] ?? 1);
      for (let due = Math.ceil((since + 1) / every) * every; due < wall - OVERDUE_MS; due += every) {
        const name = `${id}:${new Date(due).toISOString().replace('.000Z', 'Z')}`;
        if ((await site.inner.find(name)) === undefined && !clients.hasLimitedDepth)
          suspect('schedules', `${name} is missing`);
      }
    }
  }

  /**
   * INV-26, the other way round: nobody is refused while there is room. Judged when nothing else came into the queue
   * between the request and its answer.
   */
  watchRoom(wishes: readonly Wish[]): () => void {
    const { clients, report, plan, scheduler } = this.parts;
    const queue = wishes[0]?.queue ?? '';
    const limit = this.limits.get(queue);
    const ids = new Set(wishes.map(({ eval_id: id }) => id));
    const fresh = [...ids].filter((id) => !this.known.has(id)).length;
    const [waited, arrived, sent] = [this.waiting.size, this.arrivals.length, clients.enqueuesSent];
    const isAlone = ![...clients.pending].some(({ step }) => step.do.startsWith('enqueue'));
    const isInForce = limit !== undefined && limit.since < scheduler.now - IN_FORCE_MS;
    return () => {
      const isQuiet =
        sent === clients.enqueuesSent && this.arrivals.slice(arrived).every((id) => ids.has(id));
      const isSame = limit === this.limits.get(queue) && clients.clears.length === 0;
      if (plan.theme !== 'depth' || !isAlone || !isInForce || !isQuiet || !isSame) return;
      const { maxDepth = Infinity } = limit.settings;
      if (waited + fresh <= maxDepth)
        report('INV-26', `${fresh} new tasks were refused though only ${waited} of ${maxDepth} waited`);
    };
  }

  /** INV-27, at the moment of a claim: no limit is exceeded that was set before the claim began. */
  private claimed({ spec: { id, queue, group } }: Task): void {
    const { scheduler, clients, report } = this.parts;
    const { settings, since } = this.limits.get(queue) ?? { settings: {}, since: Infinity };
    if (since > scheduler.now - IN_FORCE_MS || clients.clears.length > 0) return;
    const { paused, maxConcurrency = Infinity, maxConcurrencyPerGroup = Infinity } = settings;
    const active = [...this.active.values()].filter((spec) => spec.queue === queue);
    const ofGroup = active.filter((spec) => spec.group === group).length;
    if (paused === true) report('INV-27', `${id} was handed out while queue ${queue} was paused`);
    if (active.length > maxConcurrency)
      report('INV-27', `${active.length} tasks of queue ${queue} are held, ${maxConcurrency} are allowed`);
    if (group !== undefined && ofGroup > maxConcurrencyPerGroup)
      report('INV-27', `${ofGroup} tasks of group ${group} are held, ${maxConcurrencyPerGroup} are allowed`);
  }
}

type Suspect = (rule: string, detail: string) => void;

/** Reads again where a break that was planted for the service broke the check. */
async function pastPlanted<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PlantedError) return pastPlanted(read);
    throw error;
  }
}

/** Ids under which more than one task was accepted. */
function twiceCreated({ operations }: HistoryRecorder): ReadonlySet<string> {
  const created = new Set<string>();
  const twice = new Set<string>();
  for (const operation of operations) {
    if (operation.f !== 'enqueue' || operation.isCreated !== true) continue;
    if (created.has(operation.id)) twice.add(operation.id);
    created.add(operation.id);
  }
  return twice;
}
