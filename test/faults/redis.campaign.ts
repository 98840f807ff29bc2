import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory, type Verdict } from '../support/history.check.js';
import type { History, Ms } from '../support/history.js';
import { SeededRandom } from '../support/store-random.js';
import { finish } from './final.phase.js';
import { Load, loadClient } from './load.js';
import { ParkedPoll } from './parked.poll.js';
import { patience } from './patience.js';
import type { QueueClient } from './queue.client.js';
import { ReadinessWatch } from './readiness.watch.js';
import { RecoveryProbe } from './recovery.probe.js';
import type { Fault } from './redis.faults.js';
import type { Scenario } from './redis.scenarios.js';
import { RedisStage } from './redis.stage.js';
import { ReplyJudge, type Span } from './reply.judge.js';

// The limits hold on a machine that has time for the campaign; `patience` makes them longer on a busy one.
/** A replica is not ready within this time after its store went away, and ready within it after the return (INV-25). */
const READY_LIMIT_MS = 2_000;
/** The same for parked polls, which are told by then; the rest is the way of the answer. */
const PARKED_LIMIT_MS = 2_500;
/** All of the service works within this time after the heal (INV-21). */
const BACK_LIMIT_MS = 5_000;
const CALM_MS = { least: 700, most: 1_500 };
/** A poll needs this to arrive and be parked. */
const PARKING_MS = 150;
const LAST_LOOK_MS = 10_000;

export interface RunOptions {
  readonly seed: number;
  /** The fault comes again until the load has run so long, and at least `rounds` times. */
  readonly seconds: number;
  readonly rounds?: number;
  readonly main?: string;
  readonly onRound?: (line: string) => void;
}

export interface ScenarioReport {
  readonly scenario: Scenario;
  readonly history: History;
  readonly verdict: Verdict;
  /** What was wrong besides the history, on whatever machine. */
  readonly complaints: readonly string[];
  /** What came too late: it says something about the service only when the machine had time for it. */
  readonly late: readonly string[];
  readonly rounds: number;
  /** Requests that were refused or not answered. */
  readonly inVain: number;
  /** From each heal until all replicas enqueued and leased. */
  readonly backMs: readonly Ms[];
}

/** Runs one scenario on servers of its own, and judges what clients saw of it as one history. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<ScenarioReport> {
  const stage = await RedisStage.open({ ...scenario.plan, main: options.main });
  const run = new ScenarioRun(scenario, stage, options);
  try {
    return await run.all();
  } finally {
    await run.end();
    await stage.close();
  }
}

class ScenarioRun {
  private readonly random: SeededRandom;
  private readonly judge = new ReplyJudge();
  private readonly readiness = new ReadinessWatch();
  private readonly client: QueueClient;
  private readonly load: Load;
  private readonly probe: RecoveryProbe;
  private readonly complaints: string[] = [];
  private readonly late: string[] = [];
  private readonly backMs: Ms[] = [];
  private readonly spans: Span[] = [];

  constructor(
    private readonly scenario: Scenario,
    private readonly stage: RedisStage,
    private readonly options: RunOptions,
  ) {
    const { seed } = options;
    const { ports } = stage;
    this.random = new SeededRandom(seed);
    this.client = loadClient(ports, (exchange) => {
      this.judge.see(exchange);
      this.readiness.see(exchange);
    });
    this.load = new Load({ client: this.client, ports, seed: seed + 1, pauseMs: 5 });
    this.probe = new RecoveryProbe(this.client);
  }

  async all(): Promise<ScenarioReport> {
    const { scenario, stage, load, client, options } = this;
    const { seconds, rounds = 2 } = options;
    const fault = await scenario.fault(stage);
    this.readiness.start(stage.ports);
    load.start();
    const end = performance.now() + seconds * 1000;
    let round = 0;
    while (round < rounds || performance.now() < end) await this.round((round += 1), fault);
    await load.stop();
    await finish(client, [...load.ids, ...this.probe.ids]);
    await this.closeUp(fault);
    const verdict = checkHistory(client.history, { hasFaults: true });
    const { complaints, late, backMs } = this;
    const { inVain } = this.judge;
    return { scenario, history: client.history, verdict, complaints, late, rounds: round, inVain, backMs };
  }

  async end(): Promise<void> {
    await this.load.stop();
    await this.readiness.stop();
    this.client.close();
  }

  /** The ports of the replicas whose store goes away. */
  private get awayPorts(): readonly number[] {
    const { away } = this.scenario;
    return away === 'both' ? this.stage.ports : away === 'first' ? [this.stage.first.port] : [];
  }

  private async round(round: number, fault: Fault): Promise<void> {
    const { scenario, stage, options } = this;
    await delay(CALM_MS.least + this.random.below(CALM_MS.most - CALM_MS.least));
    const parked = this.awayPorts.map((port) => new ParkedPoll(port));
    await delay(PARKING_MS);
    const t0 = performance.now();
    await fault.begin();
    const brokenAt = performance.now();
    await delay(scenario.lastsMs);
    await fault.heal();
    const healedAt = performance.now();
    const back = await Promise.all(stage.ports.map((port) => this.probe.untilBack(port)));
    this.noteBack(round, Math.max(...back));
    this.client.history.healed(scenario.name, t0, scenario.mayLose ? fault.losesFrom?.() : undefined);
    this.spans.push({ t0, t1: performance.now() });
    await this.judgeReadiness(round, { t0: brokenAt, t1: healedAt });
    this.judgeParked(round, parked, brokenAt);
    await fault.restore?.();
    options.onRound?.(
      `${scenario.name}, round ${round}: back in ${seconds(Math.max(...back))} s, limits × ${patience().toFixed(1)}`,
    );
  }

  private noteBack(round: number, ms: Ms): void {
    this.backMs.push(ms);
    if (ms === Infinity) this.complain(round, 'INV-21: the service did not come back');
    else if (ms > BACK_LIMIT_MS * patience())
      this.noteLate(round, `INV-21: the service was back after ${seconds(ms)} s`);
  }

  private judgeParked(round: number, parked: readonly ParkedPoll[], since: Ms): void {
    for (const poll of parked) {
      this.complain(round, poll.complaint);
      this.noteLate(round, poll.delay(since, PARKED_LIMIT_MS * patience()));
      poll.close();
    }
  }

  private async judgeReadiness(round: number, { t0, t1 }: Span): Promise<void> {
    const { readiness } = this;
    const limit = READY_LIMIT_MS * patience();
    for (const port of this.awayPorts) {
      const dark = readiness.timeUntil(false, port, t0);
      if (dark === undefined || dark > limit) {
        this.noteLate(round, `INV-25: not ready was said after ${seconds(dark)} s`);
      }
      const end = t1 + LAST_LOOK_MS * patience();
      while (readiness.timeUntil(true, port, t1) === undefined && performance.now() < end) await delay(50);
      const ready = readiness.timeUntil(true, port, t1);
      if (ready === undefined || ready > limit) {
        this.noteLate(round, `INV-25: ready was said ${seconds(ready)} s after the return`);
      }
    }
  }

  private async closeUp(fault: Fault): Promise<void> {
    const { scenario, stage, spans, judge, readiness } = this;
    const effects = await fault.effects();
    if (effects === 0) this.complaints.push('The fault took no effect');
    for (const { port, process } of [stage.first, stage.second]) {
      if (!process.isRunning) this.complaints.push(`INV-21: a replica ended:\n${process.log}`);
      const dark = readiness.acknowledgedInTheDark(port);
      if (dark > 0)
        this.complaints.push(`INV-25: ${dark} enqueues were acknowledged by one that was not ready`);
    }
    const { wrong, late } = judge.complaints(spans, scenario.tolerance, stage.first.port);
    this.complaints.push(...wrong, ...(scenario.complaints?.(this.client.history, spans) ?? []));
    this.late.push(...late);
  }

  private complain(round: number, text: string | undefined): void {
    if (text !== undefined) this.complaints.push(`round ${round}: ${text}`);
  }

  private noteLate(round: number, text: string | undefined): void {
    if (text !== undefined) this.late.push(`round ${round}: ${text}`);
  }
}

function seconds(ms: Ms | undefined): string {
  return ms === undefined ? 'no' : (ms / 1000).toFixed(2);
}
