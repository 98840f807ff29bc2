import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory, type Verdict } from '../support/history.check.js';
import type { Ms } from '../support/history.js';
import { SeededRandom } from '../support/store-random.js';
import { finish } from './final.phase.js';
import { Load, loadClient, LOAD_ENV } from './load.js';
import type { QueueClient } from './queue.client.js';
import { Service, type ServiceOptions } from './service.js';
import { freePort } from '../support/free-port.js';

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly main?: string;
  readonly onRound?: (line: string) => void;
}

export interface CrashReport {
  readonly verdict: Verdict;
  readonly rounds: number;
  readonly operations: number;
  /** Kills at which requests that write were sent and not answered. */
  readonly killsInWrites: number;
  /** How many of these there were, in all. */
  readonly writesCut: number;
  /** From the spawn to the first 200 of /readyz, of each restart. */
  readonly restartsMs: readonly Ms[];
}

/** How long the service is left alone between two kills, at least and at most. */
const CALM_MS = { least: 300, most: 1_700 };

/** Kills the service under load, again and again, and judges what clients saw of it as one history. */
export async function runCrashes(options: CrashOptions): Promise<CrashReport> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-crash-'));
  const place = { directory, port: await freePort(), env: LOAD_ENV, main: options.main };
  const client = loadClient([place.port]);
  const run = new CrashRun(options, client, place);
  try {
    return await run.all();
  } finally {
    await run.end();
    client.close();
    await rm(directory, { recursive: true, force: true });
  }
}

class CrashRun {
  private readonly random: SeededRandom;
  private readonly load: Load;
  private service: Service | undefined;
  private readonly restartsMs: Ms[] = [];
  private killsInWrites = 0;
  private writesCut = 0;

  constructor(
    private readonly options: CrashOptions,
    private readonly client: QueueClient,
    private readonly place: ServiceOptions,
  ) {
    this.random = new SeededRandom(options.seed);
    this.load = new Load({ client, seed: options.seed + 1 });
  }

  async all(): Promise<CrashReport> {
    const { client, load, restartsMs } = this;
    const { rounds } = this.options;
    this.service = await Service.start(this.place);
    load.start();
    for (let round = 1; round <= rounds; round += 1) await this.round(round);
    await load.stop();
    await finish(client, load.ids);
    const verdict = checkHistory(client.history, { hasFaults: true });
    const { killsInWrites, writesCut } = this;
    const operations = client.history.operations.length;
    return { verdict, rounds, operations, killsInWrites, writesCut, restartsMs };
  }

  async end(): Promise<void> {
    await this.load.stop();
    await this.service?.kill();
  }

  private async round(round: number): Promise<void> {
    const { client, load, options } = this;
    await delay(CALM_MS.least + this.random.below(CALM_MS.most - CALM_MS.least));
    const killedAt = client.history.now();
    const cut = client.writesInFlight;
    if (cut > 0) this.killsInWrites += 1;
    this.writesCut += cut;
    const restarted = this.restart();
    load.holdUntil(restarted);
    await restarted;
    client.history.healed('kill -9', killedAt);
    const ms = this.restartsMs.at(-1) ?? 0;
    options.onRound?.(`round ${round}: ${cut} writes cut off, ready again in ${(ms / 1000).toFixed(2)} s`);
  }

  private async restart(): Promise<void> {
    await this.service?.kill();
    const spawnedAt = performance.now();
    this.service = await Service.start(this.place);
    this.restartsMs.push(performance.now() - spawnedAt);
  }
}

/** The figures of a report, for people; the last line says whether the promise was kept. */
export function describeCrashes(report: CrashReport): string[] {
  const { verdict, restartsMs } = report;
  const { figures, violations, invalid } = verdict;
  const sorted = [...restartsMs].sort((a, b) => a - b).map((ms) => (ms / 1000).toFixed(2));
  const median = sorted[Math.floor(sorted.length / 2)] ?? '-';
  return [
    ...violations.slice(0, 20).map(({ rule, detail }) => `VIOLATION ${rule}: ${detail}`),
    ...invalid.map((reason) => `INVALID: ${reason}`),
    `crash: ${report.rounds} rounds of kill -9, ${report.operations} operations, ` +
      `${report.killsInWrites} kills with writes under way (${report.writesCut} cut off), ` +
      `restart ${median} s (median), ${sorted.at(-1) ?? '-'} s (longest)`,
    `crash: tasks ${JSON.stringify(figures)}`,
    `crash: ${figures.lost} acknowledged tasks lost, ${figures.undone} completions undone, ` +
      `${violations.filter(({ rule }) => rule === 'INV-04').length} tasks with two holders, ` +
      `${violations.length} violations in all`,
  ];
}

export function isGreen({ invalid, violations }: Verdict): boolean {
  return invalid.length === 0 && violations.length === 0;
}
