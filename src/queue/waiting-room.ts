import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { ParkedRequest, Parking } from '../runtime/parking.js';
import { type ClaimedTask, type ClaimRequest, type Move, TaskStore } from '../storage/task-store.js';
import { claimKeyOf } from '../storage/claim-key.js';
import type { Seconds } from '../task/clock.js';
import { signatureOf } from '../task/requirements.js';
import type { Caller } from './caller.js';
import { HoldWatch } from './hold-watch.js';
import { RollCall } from './roll-call.js';
import { SettingsCache } from './settings-cache.js';

interface Waiter {
  request: ClaimRequest;
  readonly caller: Caller;
  /** The claim call that it makes, when that has an id. */
  readonly claimKey: string | undefined;
  /** What it offers, as a text: of those who offer the same, one is as good as another. */
  readonly offer: string;
  /** A claim for it is under way. */
  isTrying: boolean;
  /** Something came while it was trying, so it tries again. */
  isWoken: boolean;
  /** Its time is over, or nobody waits for the answer any more. */
  isLate: boolean;
  readonly parked: ParkedRequest<readonly ClaimedTask[]>;
}

const NOTHING = Promise.resolve([]);

/**
 * Parks polls until there is work. A task that becomes ready wakes one waiter, the one that has waited longest, of each
 * kind of workers: those that offer the same labels. So no poll asks the store twice for nothing, and a thousand workers
 * do not run for one task. Another process may be quicker: whoever finds nothing waits on, since its task was not left
 * behind but taken.
 *
 * Where the number of tasks in processing is limited, a task that leaves it wakes in the same way; where the rate is, a
 * timer does when the next token is there. When settings change, everybody asks once more.
 *
 * When the store goes away, everybody is told so. When tasks may have become ready unseen, everybody asks once more, a
 * few at a time, until a queue is found empty.
 */
@Injectable()
export class WaitingRoom implements OnModuleDestroy {
  /** Who waits at which queue, by what they offer, in the order they came. */
  private readonly waiters = new Map<string, Map<string, Set<Waiter>>>();
  private readonly everybody = new Set<Waiter>();
  /** Those whose claim has an id, by that claim. */
  private readonly byClaim = new Map<string, Set<Waiter>>();
  private readonly roll = new RollCall<Waiter>((waiter) => this.askAgain(waiter));
  private readonly holds: HoldWatch;
  /** What the roll call that is under way has found empty: queues, for each offer. */
  private emptyQueues = new Set<string>();
  private isClosed = false;

  constructor(
    private readonly store: TaskStore,
    private readonly parking: Parking,
    private readonly settings: SettingsCache,
  ) {
    this.holds = new HoldWatch(store, settings, (queue) => {
      this.wake(queue, 1);
    });
    store.watch({
      moved: (moves) => {
        this.seeMoves(moves);
      },
      disturbed: () => {
        this.lookUp();
      },
      loosened: (queue) => {
        this.holds.forget(queue);
        if (this.everybody.size > 0) this.lookUp();
      },
    });
  }

  /** @throws ProblemError `draining` when the service is ending: whoever claims now could not report to it */
  requireOpen(): void {
    if (this.isClosed)
      throw new ProblemError('draining', 'The service is shutting down; try again in a moment');
  }

  /** Polls that are parked now. */
  get size(): number {
    return this.everybody.size;
  }

  /**
   * Claims as soon as something is ready; nothing when `wait` is over, the caller hangs up, or the service closes.
   *
   * @throws ProblemError `too_many_waiters` when the room is full, `draining` when it is closed: nobody would be woken
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
    // It is in the room first and asks then, so no task can become ready between the two.
    void this.try(waiter);
    return parked.answer;
  }

  /** Wakes the other waiters of a claim call that holds tasks now: they are answered with the same tasks. */
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

  private seeMoves(moves: readonly Move[]): void {
    if (this.everybody.size === 0) return;
    const ready = new Map<string, number>();
    for (const { queue, state } of moves) {
      if (state === 'processing' && this.waiters.has(queue) && this.holds.hasRate(queue))
        this.holds.noteTaken(queue);
      const mayGo = state === 'queued' || (state !== 'processing' && this.holds.hasSlots(queue));
      if (mayGo) ready.set(queue, (ready.get(queue) ?? 0) + 1);
    }
    for (const [queue, count] of ready) this.wake(queue, count);
  }

  /** Moves were missed, or will be. */
  private lookUp(): void {
    // What these ask now may be answered from before.
    for (const waiter of this.everybody) waiter.isWoken ||= waiter.isTrying;
    this.emptyQueues = new Set();
    if (this.store.isAvailable) {
      this.roll.begin(this.everybody);
      return;
    }
    for (const waiter of this.everybody) if (!waiter.isTrying) waiter.parked.turnAway();
  }

  private async askAgain(waiter: Waiter): Promise<void> {
    const { emptyQueues } = this;
    const { queues } = waiter.request;
    const isSettled = !this.everybody.has(waiter) || waiter.isTrying;
    const keys = queues.map((queue) => `${queue} ${waiter.offer}`);
    if (isSettled || keys.every((key) => emptyQueues.has(key))) return;
    if (await this.try(waiter)) for (const key of keys) emptyQueues.add(key);
  }

  private wake(queue: string, count: number): void {
    for (const waiting of this.waiters.get(queue)?.values() ?? []) this.wakeSome(queue, count, waiting);
  }

  private wakeSome(queue: string, count: number, waiting: ReadonlySet<Waiter> = new Set()): void {
    let left = count;
    for (const waiter of waiting) {
      if (left === 0) return;
      if (waiter.isTrying) continue;
      left -= 1;
      void this.try(waiter, queue);
    }
    if (left === 0) return;
    // Whoever is trying may have asked before this work was there.
    for (const waiter of waiting) waiter.isWoken ||= waiter.isTrying;
  }

  /**
   * Asks for a waiter until there is nothing for it. Whether its queues were empty.
   *
   * @param woken the queue in which a task became ready, for whoever is woken by one
   */
  private async try(waiter: Waiter, woken?: string): Promise<boolean> {
    let wasOpen = false;
    for (;;) {
      Object.assign(waiter, { isTrying: true, isWoken: false });
      // First what is limited: whoever is refused must be told when that is over.
      await this.settings.known();
      // A key that has expired, or is not valid any more, gets nothing.
      if (waiter.caller.isGone) {
        this.serve(waiter, NOTHING);
        if (woken !== undefined) this.passOn(woken, waiter);
        return false;
      }
      const answer = this.store.claim(waiter.request);
      const claimed = await answer.catch(() => undefined);
      if (claimed?.length !== 0) {
        this.serve(waiter, answer);
        // It took something else, or could not ask: the task is still there for the next one.
        if (woken !== undefined && !hasTakenFrom(woken, waiter, claimed)) this.passOn(woken, waiter);
        if (claimed !== undefined) this.wakeSameClaim(waiter.request);
        return false;
      }
      const limited = this.limitedQueues(waiter);
      // A claim that a rate refused is made once more when its token came before the rate was read. What is refused
      // then lost its token to another claim, whose move is followed by `HoldWatch`.
      const isOpen = limited.length > 0 && !waiter.isWoken && (await this.isAnyOpen(limited));
      if (waiter.isLate) {
        this.serve(waiter, NOTHING);
        // It may have been woken on behalf of all that wait for the rate, and cannot ask again.
        if (isOpen || waiter.isWoken) for (const queue of limited) this.holds.noteTaken(queue);
        return true;
      }
      if (!waiter.isWoken && (wasOpen || !isOpen)) break;
      wasOpen = !waiter.isWoken;
    }
    waiter.isTrying = false;
    return true;
  }

  /** The task that became ready is there for another waiter of the same offer. */
  private passOn(queue: string, { offer }: Waiter): void {
    this.wakeSome(queue, 1, this.waiters.get(queue)?.get(offer));
  }

  private serve(waiter: Waiter, answer: Promise<readonly ClaimedTask[]>): void {
    waiter.isTrying = false;
    waiter.parked.leave(answer);
  }

  private limitedQueues({ request }: Waiter): readonly string[] {
    return request.queues.filter((queue) => this.holds.hasRate(queue));
  }

  /** Whether the rate of one of these allows a claim. The others are released with their next token. */
  private async isAnyOpen(queues: readonly string[]): Promise<boolean> {
    const isOpen = await Promise.all(queues.map((queue) => this.holds.isOpen(queue)));
    return isOpen.includes(true);
  }

  /**
   * Its wait is over. Another process may have leased tasks to the same claim call, for a connection that broke: such
   * a waiter asks a last time for what its claim holds.
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
    // A claim under way may bring tasks: it has the last word.
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

/** Whether a new lease in this queue is among what was claimed; what a claim id holds already is older. */
function hasTakenFrom(queue: string, { request }: Waiter, claimed: readonly ClaimedTask[] = []): boolean {
  return claimed.some(({ task }) => task.spec.queue === queue && request.leaseIds.includes(task.lease.id));
}
