import { getEventListeners } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import type { TimerOptions } from 'node:timers';
import timersPromises from 'node:timers/promises';
import type { Happening, Ms, Scheduler } from './scheduler.js';

const REAL = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  random: Math.random,
  AbortController: globalThis.AbortController,
  timeoutSignal: AbortSignal.timeout,
  nextTurn: timersPromises.setImmediate,
  delay: timersPromises.setTimeout,
};

/** So many turns are asked for at once: between two of them Node does all that is left, and no more than that. */
const TURNS_AHEAD = 64;
let turnsAhead = 0;
let resolveTurn: (() => void) | undefined;

/**
 * Resolves when JavaScript has nothing left to do in this turn: no promise, no `nextTick`. One caller waits at a time.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    resolveTurn = resolve;
    if (turnsAhead > 0) return;
    turnsAhead = TURNS_AHEAD;
    for (let index = 0; index < TURNS_AHEAD; index += 1) REAL.setImmediate(nextTurn);
  });
}

function nextTurn(): void {
  turnsAhead -= 1;
  const resolve = resolveTurn;
  resolveTurn = undefined;
  resolve?.();
}

/** Rejects when a promise is not there within this time, by the real clock. */
export async function within(ms: Ms, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((_, reject) => {
    timer = REAL.setTimeout(() => reject(new Error(`Nothing came within ${ms} ms`)), ms);
  });
  await Promise.race([promise, limit]).finally(() => REAL.clearTimeout(timer));
}

/** What a time-out or an interval gives back. */
class SimulatedTimer {
  happening: Happening | undefined;
  isReferenced = true;

  unref(): this {
    this.isReferenced = false;
    return this;
  }

  ref(): this {
    this.isReferenced = true;
    return this;
  }

  hasRef(): boolean {
    return this.isReferenced;
  }
}

/**
 * Puts the timers of the process, its chance and its signals under a scheduler, until `restore` is called. LMDB keeps the
 * real ones: it works on threads of its own.
 */
export class SimulatedTimers {
  /** Those that are set. */
  readonly running = new Set<SimulatedTimer>();
  /** Signals that were made in the simulation. */
  readonly signals: AbortSignal[] = [];
  private readonly promised = new Set<() => void>();
  /** Whether the service has its turn, and not the simulation itself, which must not wait for the scheduler. */
  isLive = false;

  /** @param hasLmdb whether LMDB is there, which keeps the real ones */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly hasLmdb: boolean,
  ) {}

  install(): void {
    const { signals } = this;
    const random = this.scheduler.random('Math.random');
    Object.assign(globalThis, {
      setTimeout: this.unlessOfLmdb(REAL.setTimeout, (act, ms) => this.set(act, ms)),
      setInterval: this.unlessOfLmdb(REAL.setInterval, (act, ms) => this.repeat(act, ms)),
      setImmediate: this.unlessOfLmdb(REAL.setImmediate, (act) => this.soon(act)),
      clearTimeout: this.clearing(REAL.clearTimeout),
      clearInterval: this.clearing(REAL.clearInterval),
      clearImmediate: this.clearing(REAL.clearImmediate),
      AbortController: class extends REAL.AbortController {
        constructor() {
          super();
          signals.push(this.signal);
        }
      },
    });
    Object.assign(timersPromises, {
      setImmediate: <T>(value?: T): Promise<T | undefined> =>
        this.isLive ? this.promise((act) => this.soon(act), value) : REAL.nextTurn(value),
      setTimeout: <T>(ms?: number, value?: T, options?: TimerOptions): Promise<T | undefined> =>
        this.isLive ? this.promise((act) => this.set(act, ms), value) : REAL.delay(ms, value, options),
    });
    syncBuiltinESMExports();
    Math.random = () => random.next();
    AbortSignal.timeout = (ms) => {
      const controller = new REAL.AbortController();
      const late = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
      this.set(() => {
        controller.abort(late);
      }, ms).unref();
      return controller.signal;
    };
  }

  restore(): void {
    const { random, timeoutSignal, nextTurn, delay, ...globals } = REAL;
    Object.assign(globalThis, globals);
    Object.assign(timersPromises, { setImmediate: nextTurn, setTimeout: delay });
    syncBuiltinESMExports();
    Math.random = random;
    AbortSignal.timeout = timeoutSignal;
    this.release();
  }

  /** Lets go whatever waits for a time that is given by a promise: it goes on in real time. */
  release(): void {
    for (const end of [...this.promised]) end();
  }

  /** Forgets all that is set, and all signals: their process was killed. */
  forget(): void {
    for (const { happening } of this.running) if (happening !== undefined) this.scheduler.cancel(happening);
    this.running.clear();
    this.signals.length = 0;
    this.release();
  }

  /** Signals on which somebody still listens. */
  leaks(): readonly string[] {
    return this.signals.flatMap((signal) => {
      const listeners = getEventListeners(signal, 'abort').length + dependentsOf(signal);
      return listeners > 0 ? [`${listeners} listeners are left on a signal`] : [];
    });
  }

  private set(act: () => void, ms = 0): SimulatedTimer {
    const timer = new SimulatedTimer();
    this.arm(timer, ms, () => {
      this.running.delete(timer);
      act();
    });
    return timer;
  }

  private repeat(act: () => void, ms = 0): SimulatedTimer {
    const timer = new SimulatedTimer();
    const beat = () => {
      this.arm(timer, ms, beat);
      act();
    };
    this.arm(timer, ms, beat);
    return timer;
  }

  private promise<T>(arm: (act: () => void) => unknown, value: T): Promise<T> {
    return new Promise((resolve) => {
      const end = () => {
        if (this.promised.delete(end)) resolve(value);
      };
      this.promised.add(end);
      arm(end);
    });
  }

  private soon(act: () => void): SimulatedTimer {
    const timer = new SimulatedTimer();
    this.running.add(timer);
    timer.happening = this.scheduler.after(0, 'immediate', () => {
      this.running.delete(timer);
      act();
    });
    return timer;
  }

  private arm(timer: SimulatedTimer, ms: Ms, act: () => void): void {
    const { weather } = this.scheduler;
    const wait = Number.isFinite(ms) ? Math.max(ms, 1) : 1;
    this.running.add(timer);
    timer.happening = this.scheduler.after(
      wait + weather.timer(this.scheduler.random('timer')),
      'timer',
      act,
    );
  }

  private clearing(clearReal: (timer: never) => void) {
    return (timer: unknown): void => {
      if (!(timer instanceof SimulatedTimer)) {
        clearReal(timer as never);
        return;
      }
      this.running.delete(timer);
      if (timer.happening !== undefined) this.scheduler.cancel(timer.happening);
    };
  }

  private unlessOfLmdb(real: unknown, simulated: (act: () => void, ms?: number) => SimulatedTimer) {
    const replacement = (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): unknown => {
      if (this.hasLmdb && isCalledByLmdb(replacement)) {
        return (real as (...all: unknown[]) => unknown)(act, ms, ...args);
      }
      return simulated(() => {
        act(...args);
      }, ms);
    };
    return replacement;
  }
}

/** Looks at the file of whoever called `callee`. */
function isCalledByLmdb(callee: (...args: never[]) => unknown): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, frames) => frames[0]?.getFileName() ?? '';
    Error.captureStackTrace(holder, callee);
    return String(holder.stack).includes('/lmdb/');
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Signals that `AbortSignal.any` has made of this one and that are kept with it. */
function dependentsOf(signal: AbortSignal): number {
  const name = Object.getOwnPropertySymbols(signal).find(
    ({ description }) => description === 'kDependantSignals',
  );
  const dependents: unknown = name === undefined ? undefined : Reflect.get(signal, name);
  return dependents instanceof Set ? dependents.size : 0;
}
