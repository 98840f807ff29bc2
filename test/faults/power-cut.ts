import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Operation } from '../support/history.js';
import { SeededRandom } from '../support/store-random.js';
import { brokenPromises, promise, type Promises } from './image.check.js';
import { Load, loadClient, LOAD_ENV } from './load.js';
import type { QueueClient } from './queue.client.js';
import { Service } from './service.js';

export interface CutOptions {
  readonly cuts: number;
  readonly seed: number;
  readonly main?: string;
  readonly onCut?: (line: string) => void;
}

export interface CutReport {
  readonly cuts: number;
  /** Images of a moment at which requests that write were not answered. */
  readonly cutsInWrites: number;
  /** What was acknowledged before the last cut. */
  readonly tasks: number;
  readonly ended: number;
  /** Checks of one task in one image. */
  readonly checks: number;
  readonly problems: readonly string[];
}

const CALM_MS = { least: 100, most: 900 };
/** Until there is something to lose. */
const WARM_UP_MS = 1_000;
/** The images are taken from a queue that grows at a pace that lets each be read whole. */
const PAUSE_MS = 5;

/**
 * Takes images of the data file under load and starts the service on each. A copy of a file that is being written is no
 * single moment, so all threads of the writer stand still meanwhile. Such an image has what was written, synced or not;
 * `sync-proof.ts` makes those of a disk that lost what was not.
 */
export async function runPowerCuts(options: CutOptions): Promise<CutReport> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-cut-'));
  const live = join(directory, 'live');
  await mkdir(live);
  const service = await Service.start({ directory: live, env: LOAD_ENV, main: options.main });
  const client = loadClient([service.port]);
  const load = new Load({ client, seed: options.seed, pauseMs: PAUSE_MS });
  try {
    load.start();
    await delay(WARM_UP_MS);
    return await takeImages({ ...options, directory, service, client });
  } finally {
    service.thaw();
    await load.stop();
    await service.kill();
    client.close();
    await rm(directory, { recursive: true, force: true });
  }
}

interface Cutting extends CutOptions {
  readonly directory: string;
  readonly service: Service;
  readonly client: QueueClient;
}

async function takeImages(cutting: Cutting): Promise<CutReport> {
  const { cuts, seed, main, directory, client, service, onCut } = cutting;
  const random = new SeededRandom(seed + 1);
  const problems: string[] = [];
  let [cutsInWrites, checks, tasks, ended] = [0, 0, 0, 0];
  for (let cut = 1; cut <= cuts; cut += 1) {
    await delay(CALM_MS.least + random.below(CALM_MS.most - CALM_MS.least));
    const image = join(directory, `image-${cut}`);
    await mkdir(image);
    await service.freeze();
    const inFlight = client.writesInFlight;
    const promises = promisedBy(client.history.operations);
    await copyFile(join(directory, 'live', 'queue.mdb'), join(image, 'queue.mdb'));
    service.thaw();
    const broken = await brokenPromises(image, promises, { main });
    await rm(image, { recursive: true, force: true });
    problems.push(...broken.map((text) => `cut ${cut}: ${text}`));
    if (inFlight > 0) cutsInWrites += 1;
    tasks = promises.size;
    ended = [...promises.values()].filter((promised) => promised.ended !== undefined).length;
    checks += tasks;
    onCut?.(
      `cut ${cut}: ${inFlight} writes under way, ${tasks} tasks to find, ${broken.length} broken promises`,
    );
  }
  return { cuts, cutsInWrites, checks, tasks, ended, problems };
}

/** What clients had been told when the writer stood still. */
export function promisedBy(operations: readonly Operation[]): Promises {
  const promises: Promises = new Map();
  for (const operation of operations) {
    if (operation.res !== 'ok') continue;
    switch (operation.f) {
      case 'enqueue':
        promise(promises, operation.id);
        break;
      case 'lease':
        for (const { id, attempt } of operation.grants) promise(promises, id, { attempt });
        break;
      case 'complete':
      case 'fail': {
        const isFinal = operation.state === 'completed' || operation.state === 'failed';
        if (isFinal) promise(promises, operation.id, { ended: operation.state });
        break;
      }
      case 'cancel':
        promise(promises, operation.id, { ended: 'cancelled' });
        break;
      case 'heartbeat':
      case 'release':
      case 'get':
      case 'clear':
        break;
    }
  }
  return promises;
}

export function describeCuts({ cuts, cutsInWrites, checks, tasks, ended, problems }: CutReport): string[] {
  return [
    ...problems.slice(0, 20).map((problem) => `BROKEN ${problem}`),
    `power cut: ${cuts} images of the file under load, ${cutsInWrites} with writes under way, ` +
      `${tasks} tasks (${ended} ended) acknowledged by the last, ${checks} checks, ${problems.length} broken promises`,
  ];
}
