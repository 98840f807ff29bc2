import { StoreUnavailable } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';

/** The caller of a parked request. */
export interface Parker {
  /** Calls back, once, when the caller disconnects. */
  onGone(callback: () => void): void;
}

export interface Stay {
  /** How long the request can be parked. */
  readonly wait: Seconds;
  readonly caller: Parker;
  /** The wait is over: answer with the current state. */
  readonly timeOut: () => void;
  /** The caller has disconnected; `timeOut` by default. */
  readonly giveUp?: () => void;
  /** The request has left the parking. Called once. */
  readonly left: () => void;
}

/** A parked request. */
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

  /** Rejects the request with `StoreUnavailable`. The request changed nothing in the store. */
  rejectUnavailable(): void {
    if (this.isGone) return;
    const outage = new StoreUnavailable('The store became unavailable while the request was parked', false);
    this.leave(Promise.reject(outage));
  }
}

/**
 * Parks requests: polls for tasks, and reads that wait for the end of a task or a batch. One limit covers all of them.
 * The callers define the wake-ups.
 */
export class Parking {
  private taken = 0;

  /** @param full creates the error for a request above the limit */
  constructor(
    private readonly limit: number,
    private readonly full: () => Error,
  ) {}

  /** The number of parked requests. */
  get size(): number {
    return this.taken;
  }

  /** @throws the error from `full` */
  park<Answer>({ wait, caller, timeOut, giveUp = timeOut, left }: Stay): ParkedRequest<Answer> {
    if (this.taken >= this.limit) throw this.full();
    this.taken += 1;
    const timer = setTimeout(timeOut, wait * 1000);
    const request = new ParkedRequest<Answer>(() => {
      clearTimeout(timer);
      this.taken -= 1;
      left();
    });
    // Deferred, because the caller has not stored the request yet.
    queueMicrotask(() => {
      caller.onGone(() => {
        if (request.isParked) giveUp();
      });
    });
    return request;
  }
}
