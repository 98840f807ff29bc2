import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { ParkedRequest, Parking } from '../runtime/parking.js';
import { type ClaimedTask, type ClaimRequest, TaskStore } from '../storage/task-store.js';
import type { TransitionSummary } from '../storage/transitions.js';
import { claimKeyOf } from '../storage/claim-key.js';
import type { Seconds } from '../task/clock.js';
import { signatureOf } from '../task/requirements.js';
import type { Caller } from './caller.js';
import { LimitedQueues } from './limited-queues.js';
import { RollCall } from './roll-call.js';
import { SettingsCache } from './settings-cache.js';

interface Waiter {
  request: ClaimRequest;
  readonly caller: Caller;
  /** The claim call of the waiter, if that has an id. */
  readonly claimKey: string | undefined;
  /** The labels of the waiter as text: waiters with the same labels are interchangeable. */
  readonly offer: string;
  /** A claim for the waiter is in progress. */
  isTrying: boolean;
  /** A wake-up arrived during the claim, so it claims again. */
  isWoken: boolean;
  /** The wait is over, or the client has disconnected. */
  isLate: boolean;
  readonly parked: ParkedRequest<readonly ClaimedTask[]>;
}

const NOTHING = Promise.resolve([]);

/**
 * Parks polls until tasks are ready. A task that becomes ready wakes the longest-waiting poll of each label set. So no
 * poll asks the store needlessly, and a task does not wake a thousand workers. If another process claims the task
 * first, the woken poll keeps waiting.
 *
 * With a concurrency limit, a task that leaves `processing` wakes a poll in the same way. With a rate limit, a timer
 * wakes one when the next token is available. After a change of settings, every poll claims once more.
 *
 * At the start of an outage, every poll ends with an error. When this process may have missed transitions, every poll
 * claims once more, a few at a time, until a claim finds its queues empty.
 */
@Injectable()
export class WaitingRoom implements OnModuleDestroy {
  /** The waiters by queue and label set, in order of arrival. */
  private readonly waiters = new Map<string, Map<string, Set<Waiter>>>();
  private readonly everybody = new Set<Waiter>();
  /** The waiters with a claim id, by claim. */
  private readonly byClaim = new Map<string, Set<Waiter>>();
  private readonly roll = new RollCall<Waiter>((waiter) => this.claimAgain(waiter));
  private readonly holds: LimitedQueues;
  /** The queues that the current roll call has found empty, by label set. */
  private emptyQueues = new Set<string>();
  private isClosed = false;

  constructor(
    private readonly store: TaskStore,
    private readonly parking: Parking,
    private readonly settings: SettingsCache,
  ) {
    this.holds = new LimitedQueues(store, settings, (queue) => {
      this.wake(queue, 1);
    });
    store.watch({
      onTransitions: (transitions) => {
        this.receive(transitions);
      },
      onGap: () => {
        this.lookUp();
      },
      onLimitsRelaxed: (queue) => {
        this.holds.forget(queue);
        if (this.everybody.size > 0) this.lookUp();
      },
    });
  }

  /** @throws ProblemError `draining` during shutdown: a worker that claims now could not report */
  requireOpen(): void {
    if (this.isClosed)
      throw new ProblemError('draining', 'The service is shutting down; try again in a moment');
  }

  /** The number of parked polls. */
  get size(): number {
    return this.everybody.size;
  }

  /**
   * Claims as soon as a task is ready. Resolves empty when `wait` is over, the client disconnects or the service
   * closes.
   *
   * @throws ProblemError `too_many_waiters` when the room is full, `draining` when it is closed
   */
  claim(request: ClaimRequest, wait: Seconds, caller: Caller): Promise<readonly ClaimedTask[]> {
    this.requireOpen();
    const parked = this.parking.park<readonly ClaimedTask[]>({
      wait,
      caller,
      timeOut: () => {
        this.timeOut(waiter);
      },
      giveUp: () => {
        this.giveUp(waiter);
      },
      left: () => {
        this.remove(waiter);
      },
    });
    const waiter: Waiter = {
      caller,
      request,
      parked,
      claimKey: keyOf(request),
      offer: signatureOf(request.labels),
      isTrying: false,
      isWoken: false,
      isLate: false,
    };
    this.add(waiter);
    // Registered first and claimed then, so that no task can become ready in between.
    void this.try(waiter);
    return parked.answer;
  }

  /** Wakes the other waiters of a claim call that now holds tasks: they get the same tasks. */
  wakeSameClaim({ grant }: ClaimRequest): void {
    const claimKey = keyOf({ grant });
    const waiting = claimKey === undefined ? undefined : this.byClaim.get(claimKey);
    for (const waiter of waiting ?? []) {
      if (waiter.isTrying) waiter.isWoken = true;
      else void this.try(waiter);
    }
  }

  onModuleDestroy(): void {
    this.isClosed = true;
    this.holds.close();
    for (const waiter of this.everybody) this.giveUp(waiter);
  }

  private receive(transitions: readonly TransitionSummary[]): void {
    if (this.everybody.size === 0) return;
    const ready = new Map<string, number>();
    for (const { queue, state } of transitions) {
      if (state === 'processing' && this.waiters.has(queue) && this.holds.hasRate(queue))
        this.holds.noteTaken(queue);
      const mayGo = state === 'queued' || (state !== 'processing' && this.holds.hasSlots(queue));
      if (mayGo) ready.set(queue, (ready.get(queue) ?? 0) + 1);
    }
    for (const [queue, count] of ready) this.wake(queue, count);
  }

  /** Transitions were missed, or will be. */
  private lookUp(): void {
    // Claims in progress may return results from before.
    for (const waiter of this.everybody) waiter.isWoken ||= waiter.isTrying;
    this.emptyQueues = new Set();
    if (this.store.isAvailable) {
      this.roll.begin(this.everybody);
      return;
    }
    for (const waiter of this.everybody) if (!waiter.isTrying) waiter.parked.rejectUnavailable();
  }

  private async claimAgain(waiter: Waiter): Promise<void> {
    const { emptyQueues } = this;
    const { queues } = waiter.request;
    const isSettled = !this.everybody.has(waiter) || waiter.isTrying;
    const keys = queues.map((queue) => `${queue} ${waiter.offer}`);
    if (isSettled || keys.every((key) => emptyQueues.has(key))) return;
    if (await this.try(waiter)) for (const key of keys) emptyQueues.add(key);
  }

  private wake(queue: string, count: number): void {
    for (const waiting of this.waiters.get(queue)?.values() ?? []) this.wakeWaiters(queue, count, waiting);
  }

  private wakeWaiters(queue: string, count: number, waiting: ReadonlySet<Waiter> = new Set()): void {
    let left = count;
    for (const waiter of waiting) {
      if (left === 0) return;
      if (waiter.isTrying) continue;
      left -= 1;
      void this.try(waiter, queue);
    }
    if (left === 0) return;
    // A claim in progress may precede this task.
    for (const waiter of waiting) waiter.isWoken ||= waiter.isTrying;
  }

  /**
   * Claims for a waiter until it finds nothing. Returns whether its queues were empty.
   *
   * @param woken the queue whose ready task woke the waiter, if any
   */
  private async try(waiter: Waiter, woken?: string): Promise<boolean> {
    let wasOpen = false;
    for (;;) {
      Object.assign(waiter, { isTrying: true, isWoken: false });
      // The limits first: a refused waiter must be woken when its limit allows.
      await this.settings.known();
      // An expired or revoked key gets no tasks.
      if (waiter.caller.isGone) {
        this.serve(waiter, NOTHING);
        if (woken !== undefined) this.passOn(woken, waiter);
        return false;
      }
      const answer = this.store.claim(waiter.request);
      const claimed = await answer.catch(() => undefined);
      if (claimed?.length !== 0) {
        this.serve(waiter, answer);
        // It claimed another task or failed, so the ready task goes to the next waiter.
        if (woken !== undefined && !hasTakenFrom(woken, waiter, claimed)) this.passOn(woken, waiter);
        if (claimed !== undefined) this.wakeSameClaim(waiter.request);
        return false;
      }
      const limited = this.limitedQueues(waiter);
      // If the token arrived between the refusal and the read of the rate, claim once more. A second refusal means that
      // another claim took the token, and `LimitedQueues` follows that claim.
      const isOpen = limited.length > 0 && !waiter.isWoken && (await this.isAnyOpen(limited));
      if (waiter.isLate) {
        this.serve(waiter, NOTHING);
        // It may have been woken for all that wait for the rate, and cannot claim again.
        if (isOpen || waiter.isWoken) for (const queue of limited) this.holds.noteTaken(queue);
        return true;
      }
      if (!waiter.isWoken && (wasOpen || !isOpen)) break;
      wasOpen = !waiter.isWoken;
    }
    waiter.isTrying = false;
    return true;
  }

  /** Wakes another waiter with the same labels for the ready task. */
  private passOn(queue: string, { offer }: Waiter): void {
    this.wakeWaiters(queue, 1, this.waiters.get(queue)?.get(offer));
  }

  private serve(waiter: Waiter, answer: Promise<readonly ClaimedTask[]>): void {
    waiter.isTrying = false;
    waiter.parked.leave(answer);
  }

  private limitedQueues({ request }: Waiter): readonly string[] {
    return request.queues.filter((queue) => this.holds.hasRate(queue));
  }

  /** Whether the rate of one of these queues allows a claim. The next token releases the others. */
  private async isAnyOpen(queues: readonly string[]): Promise<boolean> {
    const isOpen = await Promise.all(queues.map((queue) => this.holds.isOpen(queue)));
    return isOpen.includes(true);
  }

  /**
   * The wait is over. Another process may have leased tasks to the same claim call on a broken connection. A waiter
   * with a claim id therefore claims a last time.
   */
  private timeOut(waiter: Waiter): void {
    if (waiter.claimKey === undefined || waiter.isTrying || !this.store.isAvailable) {
      this.giveUp(waiter);
      return;
    }
    waiter.isLate = true;
    waiter.request = { ...waiter.request, leaseIds: [] };
    void this.try(waiter);
  }

  private giveUp(waiter: Waiter): void {
    waiter.isLate = true;
    // A claim in progress may bring tasks, so it answers.
    if (!waiter.isTrying) waiter.parked.leave(NOTHING);
  }

  private add(waiter: Waiter): void {
    this.everybody.add(waiter);
    if (waiter.claimKey !== undefined) addTo(this.byClaim, waiter.claimKey, waiter);
    for (const queue of waiter.request.queues) {
      const byOffer = this.waiters.get(queue) ?? new Map<string, Set<Waiter>>();
      addTo(byOffer, waiter.offer, waiter);
      this.waiters.set(queue, byOffer);
    }
  }

  private remove(waiter: Waiter): void {
    this.everybody.delete(waiter);
    if (waiter.claimKey !== undefined) removeFrom(this.byClaim, waiter.claimKey, waiter);
    for (const queue of waiter.request.queues) {
      const byOffer = this.waiters.get(queue);
      if (byOffer === undefined) continue;
      removeFrom(byOffer, waiter.offer, waiter);
      if (byOffer.size === 0) this.waiters.delete(queue);
    }
  }
}

function keyOf({ grant: { workerId, claimId } }: Pick<ClaimRequest, 'grant'>): string | undefined {
  return claimId === undefined ? undefined : claimKeyOf(workerId, claimId);
}

function addTo(sets: Map<string, Set<Waiter>>, name: string, waiter: Waiter): void {
  const set = sets.get(name);
  if (set === undefined) sets.set(name, new Set([waiter]));
  else set.add(waiter);
}

function removeFrom(sets: Map<string, Set<Waiter>>, name: string, waiter: Waiter): void {
  const set = sets.get(name);
  set?.delete(waiter);
  if (set?.size === 0) sets.delete(name);
}

/** Whether the claim contains a new lease in this queue; tasks that the claim id held before do not count. */
function hasTakenFrom(queue: string, { request }: Waiter, claimed: readonly ClaimedTask[] = []): boolean {
  return claimed.some(({ task }) => task.spec.queue === queue && request.leaseIds.includes(task.lease.id));
}
