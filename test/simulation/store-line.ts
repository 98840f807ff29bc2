import { StoreUnavailable, type TaskStore } from '../../src/storage/task-store.js';
import type { QueueCounts } from '../../src/storage/task-views.js';
import type { CommittedTransition, TransitionWatcher } from '../../src/storage/transitions.js';
import { TASK_STATES } from '../../src/task/task-state.js';
import type { Budget } from './budget.js';
import type { Ms, Scheduler } from './scheduler.js';

/** Calls that change something: of one that was cut off, nobody knows whether it did. */
const WRITES: ReadonlySet<string> = new Set([
  ...['insert', 'restore', 'claim', 'replace', 'remove', 'clear', 'settings.change'],
  ...['documents.put', 'documents.remove', 'outbox.remove'],
]);

/** The parts of a store whose calls take time. */
const PARTS: ReadonlySet<string> = new Set(['settings', 'views', 'documents', 'outbox']);

type Method = (...args: unknown[]) => Promise<unknown>;

interface Call {
  readonly name: string;
  hasBegun: boolean;
  readonly fail: (error: Error) => void;
}

/** The store that all processes of a simulation share. */
export class StoreSite {
  private readonly lines = new Set<StoreLine>();
  /** When lines broke, and when they were mended. */
  readonly outages: Ms[] = [];
  /** Watchers hear nothing of a clear. */
  isClearSilent = false;
  private clears = 0;
  /** So many empty queues more than there are. */
  crowd = 0;
  /** Whose call is being carried out; what is told meanwhile is its doing. */
  private caller: StoreLine | undefined;
  /** Hear of every transition at the moment of its commit. */
  private readonly listeners: ((transitions: readonly CommittedTransition[]) => void)[] = [];
  private readonly loosenings: ((queue: string | undefined) => void)[] = [];

  constructor(
    public inner: TaskStore,
    readonly scheduler: Scheduler,
    readonly budget: Budget,
  ) {
    this.attach(inner);
  }

  /** Goes on at another store, which has what the one before had. */
  swap(store: TaskStore): void {
    this.inner = store;
    this.attach(store);
  }

  /** Hears of settings that change. */
  onLoosened(listener: (queue: string | undefined) => void): void {
    this.loosenings.push(listener);
  }

  private attach(store: TaskStore): void {
    // One that was left behind has nothing to tell.
    const ifCurrent = (act: () => void) => {
      if (this.inner === store) act();
    };
    store.onCommit((transitions) => {
      ifCurrent(() => {
        for (const listener of this.listeners) listener(transitions);
        const [only] = this.lines;
        (this.caller ?? only)?.committed(transitions);
      });
    });
    store.watch({
      onTransitions: (transitions) =>
        ifCurrent(() => this.tell((watcher) => watcher.onTransitions(transitions))),
      onLimitsRelaxed: (queue) => {
        ifCurrent(() => {
          for (const listener of this.loosenings) listener(queue);
          this.tell((watcher) => watcher.onLimitsRelaxed?.(queue));
        });
      },
      onGap: () => ifCurrent(() => this.tell((watcher) => watcher.onGap())),
    });
  }

  onCommit(listener: (transitions: readonly CommittedTransition[]) => void): void {
    this.listeners.push(listener);
  }

  /** A line for one more process. */
  connect(): StoreLine {
    const line: StoreLine = new StoreLine(this, () => this.lines.delete(line));
    this.lines.add(line);
    return line;
  }

  carryOut<T>(line: StoreLine, act: () => T): T {
    const before = this.caller;
    this.caller = line;
    try {
      return act();
    } finally {
      this.caller = before;
    }
  }

  /** Carries out a clear: what is told meanwhile is told of it. */
  async clearing<T>(clear: () => Promise<T>): Promise<T> {
    this.clears += 1;
    return clear().finally(() => {
      this.clears -= 1;
    });
  }

  private tell(say: (watcher: TransitionWatcher) => void): void {
    if (this.isClearSilent && this.clears > 0) return;
    const [only] = this.lines;
    const cause = this.caller ?? (this.lines.size === 1 ? only : undefined);
    for (const line of this.lines) line.hear(say, line === cause);
  }
}

/**
 * Between one process and the store. Calls reach it in their order, each after a while; answers come in any order. What
 * other processes did is told later. The line can break: then calls fail, and what happens meanwhile is not told.
 */
export class StoreLine {
  readonly store: TaskStore;
  private isBroken = false;
  private isDead = false;
  private readonly inFlight = new Set<Call>();
  private readonly toBegin: (() => void)[] = [];
  private readonly toTell: ((() => void) | undefined)[] = [];
  private readonly listeners: ((transitions: readonly CommittedTransition[]) => void)[] = [];
  private readonly watchers: TransitionWatcher[] = [];
  private beginsAt: Ms = 0;
  private tellsAt: Ms = 0;

  constructor(
    private readonly site: StoreSite,
    private readonly cut: () => void,
  ) {
    this.store = this.wrapped(site.inner, '');
  }

  /** Calls that were not answered yet. */
  get waiting(): readonly string[] {
    return Array.from(this.inFlight, ({ name, hasBegun }) => (hasBegun ? name : `${name} (not begun)`));
  }

  /** Calls reach the store. */
  get isWhole(): boolean {
    return !this.isBroken;
  }

  /** Nothing is on its way. */
  get isQuiet(): boolean {
    return this.inFlight.size === 0 && this.toTell.length === 0;
  }

  committed(transitions: readonly CommittedTransition[]): void {
    for (const listener of this.listeners) listener(transitions);
  }

  /** @param isOwn this process did it, so it knows at once */
  hear(say: (watcher: TransitionWatcher) => void, isOwn: boolean): void {
    const tellAll = () => {
      for (const watcher of this.watchers) say(watcher);
    };
    if (isOwn) {
      tellAll();
      return;
    }
    if (this.isBroken) return;
    const { scheduler } = this.site;
    this.toTell.push(tellAll);
    this.tellsAt = Math.max(this.tellsAt, scheduler.now + scheduler.weather.answer(scheduler.random('tell')));
    scheduler.after(this.tellsAt - scheduler.now, 'tell', () => this.toTell.shift()?.());
  }

  /** The store is away from now on. */
  break(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.toTell.fill(undefined);
    for (const { name, hasBegun, fail } of [...this.inFlight]) {
      const applied = hasBegun && WRITES.has(name) ? 'unknown' : false;
      fail(new StoreUnavailable('The line broke', applied));
    }
    for (const watcher of this.watchers) watcher.onGap();
  }

  mend(): void {
    if (!this.isBroken) return;
    this.isBroken = false;
    for (const watcher of this.watchers) watcher.onGap();
  }

  /** The process has ended. */
  close(): void {
    this.cut();
  }

  /** The process was killed: nothing comes back to it, and nothing goes out. */
  kill(): void {
    this.isDead = true;
    this.inFlight.clear();
    this.toTell.fill(undefined);
    this.cut();
  }

  private wrapped<T extends object>(target: T, prefix: string): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object);
        if (name === 'onCommit') return (listener: never) => void this.listeners.push(listener);
        if (name === 'watch') return (watcher: TransitionWatcher) => void this.watchers.push(watcher);
        if (name === 'isAvailable') return value === true && !this.isBroken;
        if (name === 'recall') return () => undefined;
        if (PARTS.has(String(name)) && typeof value === 'object' && value !== null)
          return this.wrapped(value, `${String(name)}.`);
        if (typeof value !== 'function') return value;
        const method = prefix === 'views.' && name === 'counts' ? () => this.counts() : (value as Method);
        return (...args: unknown[]) =>
          this.call(`${prefix}${String(name)}`, () => method.apply(object, args), sizeOf(args));
      },
    });
  }

  private async counts(): Promise<readonly QueueCounts[]> {
    const { inner, crowd } = this.site;
    const none = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as QueueCounts['counts'];
    const { wall } = inner.clock.now();
    const more = Array.from({ length: crowd }, (_, index) => {
      // Each has an object of its own, as in a store: who reads them may remember what it made of one.
      return { queue: `crowd-${index}`, counts: { ...none }, oldestQueuedAt: wall };
    });
    return [...(await inner.views.counts()), ...more];
  }

  private call(name: string, perform: () => Promise<unknown>, size: number): Promise<unknown> {
    const { site } = this;
    const { scheduler } = site;
    const { weather } = scheduler;
    // Whoever works without end waits without end.
    if (this.isDead || !site.budget.spend(name, size)) return new Promise(() => undefined);
    if (this.isBroken) return Promise.reject(new StoreUnavailable('The line is broken', false));
    return new Promise((resolve, reject) => {
      const settle = (give: () => void) => {
        if (this.inFlight.delete(call)) give();
      };
      const call: Call = { name, hasBegun: false, fail: (error) => settle(() => reject(error)) };
      const answer = (give: () => void) => {
        scheduler.after(weather.answer(scheduler.random(name)), `answer ${name}`, () => settle(give));
      };
      const begin = () => {
        if (!this.inFlight.has(call)) return;
        call.hasBegun = true;
        site
          .carryOut(this, async () => (name === 'clear' ? site.clearing(perform) : perform()))
          .then(
            (value) => answer(() => resolve(value)),
            (error: unknown) =>
              answer(() => reject(error instanceof Error ? error : new Error(String(error)))),
          );
      };
      this.inFlight.add(call);
      if (weather.begin === undefined) {
        begin();
        return;
      }
      this.toBegin.push(begin);
      this.beginsAt = Math.max(this.beginsAt, scheduler.now + weather.begin(scheduler.random('begin')));
      scheduler.after(this.beginsAt - scheduler.now, `begin ${name}`, () => this.toBegin.shift()?.());
    });
  }
}

/** How many things a call is about. */
function sizeOf([first]: unknown[]): number {
  return Array.isArray(first) ? first.length : 1;
}
