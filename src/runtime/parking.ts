import { StoreUnavailable } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';

/** Whoever waits for the answer to a parked request. */
export interface Parker {
  /** Calls back, once, when nobody waits any more. */
  onGone(callback: () => void): void;
}

export interface Stay {
  /** How long the request may be parked. */
  readonly wait: Seconds;
  readonly caller: Parker;
  /** The wait is over: the request should be answered as things are. */
  readonly timeOut: () => void;
  /** Nobody waits for the answer; by default as when the wait is over. */
  readonly giveUp?: () => void;
  /** The request is parked no longer. Called once. */
  readonly left: () => void;
}

/** A request that waits for something to happen. */
export class ParkedRequest<Answer> {
  readonly answer: Promise<Answer>;
  private resolve: (answer: Answer | PromiseLike<Answer>) => void = () => undefined;
  private isGone = false;

  constructor(private readonly onLeave: () => void) {
    this.answer = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  get isParked(): boolean {
    return !this.isGone;
  }

  /** Answers the request. Later answers are dropped. */
  leave(answer: Answer | PromiseLike<Answer>): void {
    if (this.isGone) return;
    this.isGone = true;
    this.onLeave();
    this.resolve(answer);
  }

  /** Tells the caller that the store went away. Nothing was asked of the store for it. */
  turnAway(): void {
    if (this.isGone) return;
    const away = new StoreUnavailable('The store became unavailable while the request was parked', false);
    this.leave(Promise.reject(away));
  }
}

/**
 * Room for requests that wait: polls for tasks, and reads for the end of a task or a batch. One limit holds for all of
 * them together. What they wait for, and who is woken, is up to those who park them.
 */
export class Parking {
  private taken = 0;

  /** @param full makes the error for a request that finds no room */
  constructor(
    private readonly limit: number,
    private readonly full: () => Error,
  ) {}

  /** Requests that are parked now. */
  get size(): number {
    return this.taken;
  }

  /** @throws what `full` makes */
  park<Answer>({ wait, caller, timeOut, giveUp = timeOut, left }: Stay): ParkedRequest<Answer> {
    if (this.taken >= this.limit) throw this.full();
    this.taken += 1;
    const timer = setTimeout(timeOut, wait * 1000);
    const request = new ParkedRequest<Answer>(() => {
      clearTimeout(timer);
      this.taken -= 1;
      left();
    });
    // Later: whoever parks the request has not noted it yet.
    queueMicrotask(() => {
      caller.onGone(() => {
        if (request.isParked) giveUp();
      });
    });
    return request;
  }
}
