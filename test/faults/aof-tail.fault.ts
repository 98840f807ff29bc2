import { stat, truncate, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ms } from '../support/history.js';
import { until } from '../support/until.js';
import { SeededRandom } from '../support/store-random.js';
import type { MakeFault } from './redis.faults.js';
import { ask, type RedisStage } from './redis.stage.js';

const LOOK_EVERY_MS = 10;
/** The file lacks what was written in up to this time before the kill. */
const LONGEST_TAIL_MS = 1_000;
/** While a sync is under way Redis holds back its next write for up to this time, and answers all the same. */
const HELD_BACK_MS = 2_000;

interface Growth {
  readonly at: Ms;
  readonly bytes: number;
}

/** The server ends as in a crash, and the last bytes of its file are gone, as after a power cut. */
export const cutTail: MakeFault = async (stage) => {
  let file = new GrowingFile(await appendOnlyFile(stage));
  const random = new SeededRandom(stage.first.port);
  let losesFrom: Ms | undefined;
  let cut = 0;
  file.watch();
  return {
    async begin() {
      await stage.server.kill();
      const end = await file.bytes();
      const from = file.sizeAt(performance.now() - random.next() * LONGEST_TAIL_MS);
      // Anywhere, often in the middle of a command.
      const left = from.bytes + random.below(Math.max(1, end - from.bytes));
      await truncate(file.path, left);
      losesFrom = from.at - HELD_BACK_MS;
      cut += end - left;
    },
    heal: () => stage.server.restart(),
    async restore() {
      await writeAnew(stage);
      file = new GrowingFile(await appendOnlyFile(stage));
      file.watch();
    },
    effects: () => cut,
    losesFrom: () => losesFrom,
  };
};

/** A file and how it grew. */
class GrowingFile {
  private growth: Growth[] = [];

  constructor(readonly path: string) {}

  async bytes(): Promise<number> {
    return (await stat(this.path)).size;
  }

  /** Until it is removed. */
  watch(): void {
    void this.look().catch(() => undefined);
  }

  /** How it was at that time, or a little before. */
  sizeAt(moment: Ms): Growth {
    return this.growth.findLast(({ at }) => at <= moment) ?? { at: moment, bytes: 0 };
  }

  private async look(): Promise<void> {
    for (;;) {
      const at = performance.now();
      this.growth.push({ at, bytes: await this.bytes() });
      await delay(LOOK_EVERY_MS, undefined, { ref: false });
    }
  }
}

/**
 * A server that has loaded a file without its tail may leave half a transaction at its end, and runs that half when it
 * is started again (Redis 7 does). Whoever runs one lets it write its file anew, as here.
 */
async function writeAnew({ server }: RedisStage): Promise<void> {
  await ask(server, async (redis) => {
    await redis.bgrewriteaof();
    await until(async () => {
      const text = await redis.info('persistence');
      return text.includes('aof_rewrite_in_progress:0') && text.includes('aof_rewrite_scheduled:0');
    });
  });
}

async function appendOnlyFile({ server }: RedisStage): Promise<string> {
  const [, parent = ''] = await ask<string[]>(server, async (redis) => redis.config('GET', 'dir'));
  const directory = join(parent, 'appendonlydir');
  const name = (await readdir(directory)).find((each) => each.endsWith('.incr.aof'));
  if (name === undefined) throw new Error('The server writes no append-only file');
  return join(directory, name);
}
