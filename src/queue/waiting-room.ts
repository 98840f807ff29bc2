import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.error.js';
import { type ClaimedTask, type ClaimRequest, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import type { Caller } from './caller.js';

interface Waiter {
  readonly request: ClaimRequest;
  /** A claim for it is under way. */
  isTrying: boolean;
  /** More work came while it was trying. */
  isWoken: boolean;
  /** Its time is over, or nobody waits for the answer any more. */
  isLate: boolean;
  readonly leave: (answer: Promise<readonly ClaimedTask[]>) => void;
}

const NOTHING = Promise.resolve([]);

export function tooManyWaiters({ MAX_PARKED_POLLS }: Config): ProblemError {
  return new ProblemError(
    'too_many_waiters',
    `${MAX_PARKED_POLLS} requests are parked already; ask without wait, or later`,
  );
}

/**
 * Parks polls until there is work. A task that becomes ready wakes one waiter, the one that has waited longest; so no
 * poll asks the store twice for nothing, and a thousand workers do not run for one task.
 */
@Injectable()
export class WaitingRoom implements OnModuleDestroy {
  /** Who waits at which queue, in the order they came. */
  private readonly waiters = new Map<string, Set<Waiter>>();
  private readonly everybody = new Set<Waiter>();
  private isClosed = false;

  constructor(
    private readonly store: TaskStore,
    private readonly config: Config,
  ) {
    store.onCommit((transitions) => {
      if (this.everybody.size === 0) return;
      const ready = new Map<string, number>();
      for (const { task } of transitions) {
        if (task.state === 'queued') ready.set(task.spec.queue, (ready.get(task.spec.queue) ?? 0) + 1);
      }
      for (const [queue, count] of ready) this.wake(queue, count);
    });
  }

  /** @throws ProblemError `draining` when the service is ending: whoever claims now could not report to it */
  requireOpen(): void {
    if (this.isClosed)
      throw new ProblemError('draining', 'The service is shutting down; claim elsewhere, or later');
  }

  /** Polls that are parked now. */
  get size(): number {
    return this.everybody.size;
  }

  /**
   * Claims as soon as something is ready; nothing when `wait` is over, the caller hangs up, or the service closes.
   *
   * @throws ProblemError `too_many_waiters` when the room is full
   */
  claim(request: ClaimRequest, wait: Seconds, caller: Caller): Promise<readonly ClaimedTask[]> {
    if (this.everybody.size >= this.config.MAX_PARKED_POLLS) {
      throw tooManyWaiters(this.config);
    }
    return new Promise((resolve) => {
      const leave = (answer: Promise<readonly ClaimedTask[]>) => {
        clearTimeout(timer);
        this.remove(waiter);
        resolve(answer);
      };
      const waiter: Waiter = { request, isTrying: false, isWoken: false, isLate: false, leave };
      const giveUp = () => {
        this.giveUp(waiter);
      };
      const timer = setTimeout(giveUp, wait * 1000);
      this.add(waiter);
      caller.onGone(giveUp);
      // It is in the room first and asks then, so no task can become ready between the two.
      void this.try(waiter);
    });
  }

  onModuleDestroy(): void {
    this.isClosed = true;
    for (const waiter of this.everybody) this.giveUp(waiter);
  }

  private wake(queue: string, count: number): void {
    let left = count;
    for (const waiter of this.waiters.get(queue) ?? []) {
      if (left === 0) return;
      if (waiter.isTrying) continue;
      left -= 1;
      void this.try(waiter);
    }
    if (left === 0) return;
    // Whoever is trying may have asked before this work was there.
    for (const waiter of this.waiters.get(queue) ?? []) waiter.isWoken ||= waiter.isTrying;
  }

  private async try(waiter: Waiter): Promise<void> {
    Object.assign(waiter, { isTrying: true, isWoken: false });
    const answer = this.store.claim(waiter.request);
    const isEmpty = await answer.then(
      (claimed) => claimed.length === 0,
      () => false,
    );
    waiter.isTrying = false;
    if (!isEmpty) waiter.leave(answer);
    else if (waiter.isLate) waiter.leave(NOTHING);
    else if (waiter.isWoken) await this.try(waiter);
  }

  private giveUp(waiter: Waiter): void {
    waiter.isLate = true;
    // A claim under way may bring tasks: it has the last word.
    if (!waiter.isTrying) waiter.leave(NOTHING);
  }

  private add(waiter: Waiter): void {
    this.everybody.add(waiter);
    for (const queue of waiter.request.queues) {
      const waiting = this.waiters.get(queue);
      if (waiting === undefined) this.waiters.set(queue, new Set([waiter]));
      else waiting.add(waiter);
    }
  }

  private remove(waiter: Waiter): void {
    this.everybody.delete(waiter);
    for (const queue of waiter.request.queues) {
      const waiting = this.waiters.get(queue);
      waiting?.delete(waiter);
      if (waiting?.size === 0) this.waiters.delete(queue);
    }
  }
}
