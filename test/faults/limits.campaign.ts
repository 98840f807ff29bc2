import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory, type Verdict } from '../support/history.check.js';
import type { History, Ms } from '../support/history.js';
import { SeededRandom } from '../support/store-random.js';
import { drainAll, readAll } from './final.phase.js';
import { LimitsLoad, type LimitsPlan } from './limits.load.js';
import { Slots } from './limits.slots.js';
import { LimitsStage, type LimitsStore } from './limits.stage.js';
import { loadClient } from './load.js';
import type { QueueClient } from './queue.client.js';

export interface LimitsOptions {
  readonly store: LimitsStore;
  readonly plan: LimitsPlan;
  readonly rounds: number;
  readonly seed: number;
  /** How long the load runs before and after each kill. */
  readonly calmMs?: Ms;
  readonly patienceMs?: Ms;
  /** What is set instead of the limit: a bug that must be found. */
  readonly planted?: number;
  readonly main?: string;
  readonly onRound?: (line: string) => void;
}

export interface LimitsReport {
  readonly history: History;
  readonly verdict: Verdict;
  /** What was wrong when every slot was looked at, and what the stats said that cannot be. */
  readonly complaints: readonly string[];
  readonly kills: number;
  /** How often every slot was looked at. */
  readonly looks: number;
  readonly claimed: number;
}

const CALM_MS = 2_500;
const PATIENCE_MS = 30_000;

/** Works on limited groups while processes are killed, and judges that no group was ever above or left below its limit. */
export async function runLimits(options: LimitsOptions): Promise<LimitsReport> {
  const stage = await LimitsStage.open(options.store, options.main);
  const client = loadClient(stage.ports);
  const run = new LimitsRun(options, stage, client);
  try {
    return await run.all();
  } finally {
    await run.end();
    client.close();
    await stage.close();
  }
}

class LimitsRun {
  private readonly random: SeededRandom;
  private readonly load: LimitsLoad;
  private readonly slots: Slots;
  private kills = 0;
  private looks = 0;

  constructor(
    private readonly options: LimitsOptions,
    private readonly stage: LimitsStage,
    private readonly client: QueueClient,
  ) {
    const { plan, seed, patienceMs = PATIENCE_MS } = options;
    this.random = new SeededRandom(seed);
    this.load = new LimitsLoad({ client, plan, ports: stage.ports, seed: seed + 1 });
    this.slots = new Slots({ client, plan, patienceMs, load: this.load });
  }

  async all(): Promise<LimitsReport> {
    const { client, load, options, slots } = this;
    const { limit } = options.plan;
    const { planted = limit } = options;
    await client.send('PATCH', '/queues/default', { max_concurrency_per_group: planted });
    for (let round = 1; round <= options.rounds; round += 1) await this.round(round);
    await drainAll(client);
    // Whatever leaked would be missing now.
    await this.look((moment) => slots.fill(moment), 'at the end');
    await slots.empty();
    await drainAll(client);
    await readAll(client, load.ids);
    const { history } = client;
    const verdict = checkHistory(history, { hasFaults: true, groupLimit: limit });
    const complaints = [...slots.complaints, ...load.complaints];
    return {
      history,
      verdict,
      complaints,
      kills: this.kills,
      looks: this.looks,
      claimed: claimedIn(history),
    };
  }

  async end(): Promise<void> {
    await this.load.stop();
  }

  private async round(round: number): Promise<void> {
    const { load, slots, options } = this;
    const { calmMs = CALM_MS } = options;
    load.start();
    await delay(calmMs * (0.5 + this.random.next()));
    await this.killOne();
    await delay(calmMs);
    await load.stop();
    await this.look((moment) => slots.fill(moment), `round ${round}`);
    await this.killOne();
    await this.look((moment) => slots.judge(moment), `round ${round}, killed while full`);
    await this.look((moment) => slots.turnOver(moment), `round ${round}, one of each completed`);
    await slots.empty();
    options.onRound?.(
      `${options.store}: round ${round}, ${claimedIn(this.client.history)} tasks claimed so far`,
    );
  }

  /** Ends a process as a crash does, and starts it again. */
  private async killOne(): Promise<void> {
    const { stage, load, client } = this;
    const victim = this.random.pick(stage.replicas) ?? stage.replicas[0];
    const killedAt = client.history.now();
    await victim.kill();
    const started = victim.start();
    if (stage.replicas.length === 1) load.holdUntil(started);
    await started;
    client.history.healed('kill -9', killedAt);
    this.kills += 1;
  }

  private async look(act: (moment: string) => Promise<void>, moment: string): Promise<void> {
    await act(moment);
    this.looks += 1;
  }
}

function claimedIn({ operations }: History): number {
  return operations.reduce((sum, each) => sum + (each.f === 'lease' ? each.grants.length : 0), 0);
}

export function isWithinLimits({ verdict, complaints }: LimitsReport): boolean {
  return verdict.invalid.length + verdict.violations.length + complaints.length === 0;
}

/** The figures of a report, for people. */
export function describeLimitsRun({ store, plan }: LimitsOptions, report: LimitsReport): string[] {
  const { verdict, complaints, history } = report;
  const { invalid, violations, figures } = verdict;
  const above = violations.filter(({ rule }) => rule === 'INV-27').length;
  return [
    ...violations.slice(0, 20).map(({ rule, detail }) => `VIOLATION ${rule}: ${detail}`),
    ...invalid.map((reason) => `INVALID: ${reason}`),
    ...complaints.slice(0, 20),
    `${store}: ${plan.groups} groups of ${plan.limit}, ${plan.workers} workers, ${report.kills} kills, ` +
      `${history.operations.length} operations, ${report.claimed} tasks claimed`,
    `${store}: at most ${figures.mostOfGroup} of a group held at an instant, ${above} groups above the limit; ` +
      `every slot was looked at ${report.looks} times, ${complaints.length} complaints`,
    `${store}: ${figures.acknowledged} tasks acknowledged, ${figures.lost} lost, ${figures.undone} completions undone, ` +
      `${violations.length} violations in all`,
  ];
}
