import { Logger, type LoggerService } from '@nestjs/common';
import { BatchEvents } from '../../src/batches/batch-events.js';
import { type Config, loadConfig } from '../../src/config/config.js';
import { FinishWaiters } from '../../src/queue/finish-waiters.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import type { StoreSettings } from '../../src/storage/task-store.js';
import { HistoryRecorder } from '../support/history.js';
import { Budget } from './budget.js';
import { Checks, type Violation } from './checks.js';
import { Clients, type Entrance, get, GRACE_SECONDS, post } from './clients.js';
import { Keys } from './keys.js';
import type { Fault } from './faults/fault.js';
import type { Plan, Step, Wish } from './plan.js';
import { Receivers } from './receivers.js';
import { type Ms, Scheduler, WEATHERS } from './scheduler.js';
import { StoreSite, type StoreLine } from './store-line.js';
import { type OpenedStore, openStore } from './stores.js';
import { SimulatedTimers, turn } from './timers.js';
import { SimulatedProcess } from './wiring.js';

/** What came of a plan. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** Things that happened. */
  readonly steps: number;
  readonly endedAt: Ms;
}

export interface WorldOptions {
  /** Faults that are planted. */
  readonly faults?: readonly Fault[];
}

/** Carries out a plan on the real services. */
export async function simulate(plan: Plan, options: WorldOptions = {}): Promise<Outcome> {
  return new World(plan, options.faults ?? []).run();
}

const TICK_MS = 1e-6;
/** How long the end may take: leases, delays and retries are over by then. */
const DRAIN_MS = 90_000;
/** After so long it is looked again whether anything is left to do. */
const DRAIN_STEP_MS = 1_500;
/** From one look at rest to the next. */
const LOOK_MS = 1_000;
/** More queues than that are only counted: to make them would take long. */
const MOST_REAL_QUEUES = 1_000;
const READS_AT_ONCE = 100;
/** Starting or ending takes no longer, or does not end. */
const HANG_MS = 60_000;

const configs = new Map<string, Config>();

function configOf({ flavour, theme }: Plan): Config {
  const { retentionSeconds, retentionMaxTasks, retentionMaxBytes } = flavour;
  // A worker in quarantine gets no tasks, so the theme that judges every empty answer turns quarantine off.
  const quarantineAfter = theme === 'plain' ? '0' : '5';
  const key = [retentionSeconds, retentionMaxTasks, retentionMaxBytes, quarantineAfter].join();
  const known = configs.get(key);
  if (known !== undefined) return known;
  const config = loadConfig({
    REDIS_URL: '',
    LEASE_GRACE_SECONDS: String(GRACE_SECONDS),
    RETENTION_SECONDS: String(retentionSeconds),
    RETENTION_MAX_TASKS: String(retentionMaxTasks),
    RETENTION_MAX_BYTES: String(retentionMaxBytes),
    WORKER_QUARANTINE_AFTER: quarantineAfter,
  });
  configs.set(key, config);
  return config;
}

/** One process at the store. It can be restarted. */
class Replica implements Entrance {
  isOpen = false;
  line: StoreLine | undefined;
  process: SimulatedProcess | undefined;
  private door: SimulatedProcess['door'] | undefined;
  private readonly requests = new Set<Promise<void>>();

  constructor(
    private readonly site: StoreSite,
    private readonly config: Config,
    private readonly faults: readonly Fault[],
    private readonly started: (process: SimulatedProcess) => void,
  ) {}

  async start(): Promise<void> {
    const replacements = new Map(this.faults.flatMap(({ classes = [] }) => [...classes]));
    this.line = this.site.connect();
    this.process = new SimulatedProcess(this.config, this.line.store, replacements);
    await this.process.start();
    this.started(this.process);
    this.door = this.process.door;
    this.isOpen = true;
  }

  async stop(): Promise<void> {
    this.isOpen = false;
    // No request is accepted any more, so these are all.
    await this.process?.stop(() => Promise.all(this.requests));
    this.line?.close();
  }

  /** As by `kill -9`. */
  kill(): void {
    this.isOpen = false;
    this.requests.clear();
    this.line?.kill();
  }

  async handle(connection: Parameters<SimulatedProcess['door']['handle']>[0]): Promise<void> {
    const request = this.door?.handle(connection) ?? Promise.resolve();
    this.requests.add(request);
    await request.finally(() => this.requests.delete(request));
  }
}

class World {
  private readonly scheduler: Scheduler;
  private readonly timers: SimulatedTimers;
  private readonly budget: Budget;
  private readonly violations: Violation[] = [];
  private readonly receivers: Receivers;
  private readonly history: HistoryRecorder;
  private readonly clients: Clients;
  private readonly keys: Keys;
  /** How far the clock was ahead at most. */
  private mostAhead: Ms = 0;
  private ahead: Ms = 0;
  private replicas: Replica[] = [];
  private wantsRest = false;
  private ticked: Ms = 0;
  /** What is to happen in real time before anything else does. */
  private interlude: (() => Promise<void>) | undefined;
  private hasFailed = false;

  constructor(
    private readonly plan: Plan,
    private readonly faults: readonly Fault[],
  ) {
    const weather = WEATHERS[plan.weather];
    if (weather === undefined) throw new Error(`There is no weather ${plan.weather}`);
    this.scheduler = new Scheduler(plan.schedule, weather);
    this.timers = new SimulatedTimers(this.scheduler, plan.store === 'embedded');
    this.budget = new Budget(this.scheduler);
    this.receivers = new Receivers(this.scheduler);
    this.history = new HistoryRecorder(() => this.tick());
    this.keys = new Keys(this.scheduler);
    const report = (rule: string, detail: string) => this.report(rule, detail);
    this.clients = new Clients({
      scheduler: this.scheduler,
      history: this.history,
      report,
      isDeaf: faults.some(({ isDeaf }) => isDeaf),
      watchRoom: (wishes) => this.watchRoom(wishes),
      keys: this.keys,
      // Where the clock is set the wall says nothing of how long a lease lasts.
      epoch: plan.theme === 'clocks' ? undefined : this.scheduler.clock.now().steady,
    });
  }

  async run(): Promise<Outcome> {
    const flavour = this.faults.reduce((given, fault) => fault.flavour?.(given) ?? given, this.plan.flavour);
    const settings: StoreSettings = {
      retention: flavour.retentionSeconds,
      retentionMaxTasks: flavour.retentionMaxTasks,
      retentionMaxBytes: flavour.retentionMaxBytes,
    };
    const opened = await openStore(this.plan.store, this.scheduler, settings);
    const undo = [
      this.budget.countLookUps(),
      ...this.faults.flatMap(({ plant }) => plant?.(opened) ?? []),
      this.receivers.install(),
    ];
    Logger.overrideLogger(this.logger());
    this.timers.install();
    this.budget.open();
    try {
      await this.live(opened);
    } catch (error) {
      this.report('simulation', error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      this.budget.close();
      this.timers.restore();
      for (const each of undo) each();
      Logger.overrideLogger(false);
    }
    await this.close(opened);
    return { violations: this.violations, steps: this.scheduler.steps, endedAt: this.scheduler.now };
  }

  private async live(opened: OpenedStore): Promise<void> {
    const { plan, scheduler } = this;
    this.watchFailure(opened);
    const site = new StoreSite(opened.store, scheduler, this.budget);
    site.isClearSilent = this.faults.some(({ isClearSilent }) => isClearSilent);
    const checks = new Checks({
      plan,
      site,
      scheduler,
      clients: this.clients,
      receivers: this.receivers,
      report: (rule, detail) => this.report(rule, detail),
    });
    this.watchRoom = (wishes) => checks.watchRoom(wishes);
    this.replicas = Array.from({ length: plan.replicas }, () => {
      return new Replica(site, configOf(plan), this.faults, (process) => {
        process.get(BatchEvents).onDone((batch) => checks.toldOf(batch));
      });
    });
    await this.until(opened, checks, Promise.all(this.replicas.map((replica) => replica.start())));
    for (const step of plan.steps)
      scheduler.after(step.at, 'plan', () => this.act(step, opened, site, checks));
    await this.pass(opened, checks, (plan.steps.at(-1)?.at ?? 0) + 1_500);
    if (!this.isOver) await this.finish(opened, checks, site);
    if (this.budget.overrun !== undefined) this.report('bounded work', this.budget.overrun);
    if (!this.isOver) checks.judge(this.history);
  }

  /** A store that has failed takes nothing any more: the process ends. */
  private watchFailure(opened: OpenedStore): void {
    void opened.store.failure.then(() => {
      this.hasFailed = true;
    });
  }

  private act(step: Step, opened: OpenedStore, site: StoreSite, checks: Checks): void {
    const replica = this.replicas[step.replica % this.replicas.length];
    if (step.do === 'rest') this.wantsRest = true;
    else if (step.do === 'receiver answers') this.receivers.answerWith(step.status, step.afterMs);
    else if (step.do === 'lose the store') this.loseStore(step.forMs, site);
    else if (step.do === 'break a write') opened.breakWrite?.(step.after);
    else if (step.do === 'break a read') opened.breakRead?.();
    else if (step.do === 'crowd' && step.queues > MOST_REAL_QUEUES) site.crowd = step.queues;
    else if (step.do === 'set the clock') this.setClock(this.ahead + step.byMs, site);
    else if (step.do === 'change the key') this.keys.change(step.to);
    else if (replica === undefined) return;
    else if (step.do === 'restart') this.restart(replica);
    else if (step.do === 'kill') this.kill(replica, opened, site, checks);
    else if (step.do === 'reopen') this.reopen(replica, opened, site, checks);
    else void this.clients.act(step, replica);
  }

  private loseStore(forMs: Ms, site: StoreSite): void {
    for (const { line } of this.replicas) line?.break();
    site.outages.push(this.scheduler.now);
    this.scheduler.after(forMs, 'mend', () => {
      site.outages.push(this.scheduler.now);
      for (const { line } of this.replicas) line?.mend();
    });
  }

  private restart(replica: Replica): void {
    if (replica.isOpen) void replica.stop().then(() => replica.start());
  }

  /** Somebody sets the clock of the machine. */
  private setClock(ahead: Ms, site: StoreSite): void {
    const { clock } = this.scheduler;
    clock.setWall(clock.now().wall + ahead - this.ahead);
    this.ahead = ahead;
    this.mostAhead = Math.max(this.mostAhead, ahead);
    site.outages.push(this.scheduler.now);
  }

  /** The process ends without a word, and another one opens what it has left. */
  private kill(replica: Replica, opened: OpenedStore, site: StoreSite, checks: Checks): void {
    if (!replica.isOpen || this.interlude !== undefined) return;
    replica.kill();
    this.timers.forget();
    this.clients.loseConnections();
    this.openAgain({ replica, opened, site, checks }, true);
  }

  /** The process ends as it should, and another one opens the store. */
  private reopen(replica: Replica, opened: OpenedStore, site: StoreSite, checks: Checks): void {
    if (!replica.isOpen || this.interlude !== undefined) return;
    void replica.stop().then(() => this.openAgain({ replica, opened, site, checks }, false));
  }

  private openAgain(
    {
      replica,
      opened,
      site,
      checks,
    }: { replica: Replica; opened: OpenedStore; site: StoreSite; checks: Checks },
    isCrash: boolean,
  ): void {
    site.outages.push(this.scheduler.now);
    this.interlude = async () => {
      this.timers.release();
      await opened.reopen(isCrash);
      this.watchFailure(opened);
      site.swap(opened.store);
      await checks.reopened();
      void replica.start();
    };
  }

  /** Heals everything, has every task done, and ends the service. */
  private async finish(opened: OpenedStore, checks: Checks, site: StoreSite): Promise<void> {
    const [first] = this.replicas;
    if (first === undefined) return;
    const { scheduler, clients } = this;
    // What is sent during a restart or an outage would heal nothing.
    const isReady = () => first.isOpen && first.line?.isWhole === true;
    const opensBy = scheduler.now + HANG_MS;
    while (!isReady() && !this.isOver && scheduler.now < opensBy)
      await this.pass(opened, checks, scheduler.now + LOOK_MS);
    if (!isReady()) this.report('liveness', 'a restart or an outage does not end');
    this.keys.change('whole');
    // What waits for a time that the clock had once: it comes.
    if (this.ahead !== this.mostAhead) this.setClock(this.mostAhead, site);
    this.receivers.answerWith(200, 0);
    checks.isEnding = true;
    for (const queue of await checks.configuredQueues()) {
      const nothing = Object.fromEntries(
        ['paused', 'max_depth', 'max_concurrency', 'max_concurrency_per_group', 'rate_limit'].map((name) => [
          name,
          null,
        ]),
      );
      void clients.act({ do: 'set', queue, change: nothing, at: 0, replica: 0 }, first);
    }
    for (const worker of ['w1', 'w2', 'w3'])
      void clients.act({ do: 'resume', worker, at: 0, replica: 0 }, first);
    for (const id of ['s1', 's2']) void clients.act({ do: 'unschedule', id, at: 0, replica: 0 }, first);
    const limit = scheduler.now + DRAIN_MS;
    do {
      await this.pass(opened, checks, scheduler.now + DRAIN_STEP_MS);
      await this.until(opened, checks, this.drain(first));
    } while (scheduler.now < limit && !this.isOver && (await checks.hasWork()));
    await this.pass(opened, checks, scheduler.now + LOOK_MS);
    this.wantsRest = true;
    do {
      await this.pass(opened, checks, scheduler.now + LOOK_MS + 100);
    } while (checks.isLooking && !this.isOver);
    await this.until(opened, checks, this.readAll(first));
    await this.until(opened, checks, Promise.all(this.replicas.map((replica) => replica.stop())));
    await this.pass(opened, checks, scheduler.now + 200);
    if (!this.isOver) this.checkLeaks();
  }

  private async drain(entrance: Entrance): Promise<void> {
    const step: Step = { do: 'look', at: 0, replica: 0 };
    const labels = { cpu: '4', 'cpu-arch': 'arm', gpu: 'a100', os: 'linux' };
    for (let rounds = 0; rounds < 100; rounds += 1) {
      const t0 = this.history.now();
      const claim = { worker_id: 'drain', queues: ['default', 'a', 'b'], max_tasks: 50, labels };
      const answer = await this.clients.ask(step, entrance, post('/tasks/claim', claim));
      const tasks = (answer?.body.tasks ?? []) as Readonly<Record<string, unknown>>[];
      this.clients.noteDrained(tasks, t0, answer);
      if (tasks.length === 0) return;
      const results = tasks.map(({ eval_id, lease_id }) => ({ eval_id, lease_id, status: 'completed' }));
      const ended = await this.clients.ask(step, entrance, post('/tasks/complete', { results }));
      this.clients.noteFinished(tasks, t0, ended);
    }
  }

  private async readAll(entrance: Entrance): Promise<void> {
    const step: Step = { do: 'look', at: 0, replica: 0 };
    const read = async (id: string) => {
      const t0 = this.history.now();
      const answer = await this.clients.ask(step, entrance, get(`/tasks/${id}`));
      const state = answer?.status === 404 ? 'absent' : (answer?.body.status as 'queued');
      this.history.add(t0, { f: 'get', id, res: 'ok', state, isFinal: true });
    };
    const ids = [...this.clients.wishes.keys()];
    for (let start = 0; start < ids.length; start += READS_AT_ONCE)
      await Promise.all(ids.slice(start, start + READS_AT_ONCE).map(read));
  }

  /** Nothing may be left when everything has ended. */
  private checkLeaks(): void {
    for (const { process, line } of this.replicas) {
      const left = [process?.get(WaitingRoom).size ?? 0, process?.get(FinishWaiters).size ?? 0];
      if (left.some((count) => count > 0)) this.report('leaks', `${left.join(' and ')} waiters are left`);
      if ((line?.waiting.length ?? 0) > 0)
        this.report('leaks', `calls of the store are left: ${line?.waiting.join(', ')}`);
    }
    const timers = [...this.timers.running].filter((timer) => timer.isReferenced);
    if (timers.length > 0) this.report('leaks', `${timers.length} timers are left`);
    for (const { step } of this.clients.pending)
      this.report('answers', `${describe(step)} was never answered`);
    for (const leak of this.timers.leaks()) this.report('leaks', leak);
  }

  /** Lets things happen until a promise is there. */
  private async until(opened: OpenedStore, checks: Checks, promise: Promise<unknown>): Promise<void> {
    let isDone = false;
    const limit = this.scheduler.now + HANG_MS;
    void promise.then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        isDone = true;
        this.report('simulation', error instanceof Error ? (error.stack ?? error.message) : String(error));
      },
    );
    for (;;) {
      await this.settle(opened);
      if (isDone || this.isOver) return;
      if (this.wantsRest && (await this.mayRest(opened, checks))) continue;
      if (!this.step(limit)) break;
    }
    this.report('liveness', 'something that must end does not');
  }

  private async settle(opened: OpenedStore): Promise<void> {
    this.timers.isLive = true;
    await opened.settle();
    this.budget.nextTurn();
    this.timers.isLive = false;
    const { interlude } = this;
    if (interlude === undefined) return;
    this.interlude = undefined;
    await interlude();
  }

  /** Lets the next thing happen; false when there is none by then. */
  private step(until: Ms): boolean {
    this.timers.isLive = true;
    return this.scheduler.step(until);
  }

  private async pass(opened: OpenedStore, checks: Checks, until: Ms): Promise<void> {
    for (;;) {
      await this.settle(opened);
      if (this.isOver) return;
      if (this.wantsRest && (await this.mayRest(opened, checks))) continue;
      if (!this.step(until)) break;
    }
    this.scheduler.moveTo(until);
  }

  private watchRoom: (wishes: readonly Wish[]) => () => void = () => () => undefined;

  /** Looks at everything when nothing is under way. */
  private async mayRest(opened: OpenedStore, checks: Checks): Promise<boolean> {
    if (opened.isHolding) return false;
    if (this.replicas.some(({ line }) => line?.isQuiet === false)) return false;
    this.wantsRest = false;
    await checks.rest(() => {
      this.scheduler.after(LOOK_MS, 'look again', () => {
        this.wantsRest = true;
      });
    });
    return true;
  }

  /** Whether there is nothing to find any more: what follows a first failure says little. */
  private get isOver(): boolean {
    return this.violations.length > 0 || this.hasFailed || this.budget.overrun !== undefined;
  }

  /** No two operations are at one instant: what came first is what happened first. */
  private tick(): Ms {
    this.ticked = Math.max(this.ticked + TICK_MS, this.scheduler.now);
    return this.ticked;
  }

  private report(rule: string, detail: string): void {
    if (this.violations.length < 20) this.violations.push({ rule, detail, at: this.scheduler.now });
  }

  private logger(): LoggerService {
    const ignore = () => undefined;
    return {
      log: ignore,
      warn: ignore,
      error: (message: unknown, stack?: unknown) => {
        if (this.plan.theme !== 'broken disk')
          this.report('log', `${String(message)} ${String(stack).split('\n').slice(0, 4).join(' ')}`);
      },
    };
  }

  private async close(opened: OpenedStore): Promise<void> {
    const closing = opened.close().catch((error: unknown) => {
      this.report('liveness', `the store does not close: ${String(error)}`);
    });
    // After a failure it may wait for what will not come, and there is nothing more to find.
    await (this.violations.length > 0 ? turn() : closing);
  }
}

function describe({ do: deed, at }: Step): string {
  return `"${deed}" of ${at} ms`;
}
