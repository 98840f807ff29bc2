import { LuaScript } from '../connection/lua-script.js';
import type { DanglingEntry } from '../records/repairs.js';
import { afterWrites } from '../connection/store-connection.js';
import { FENCE_MS, type StoreParts } from '../records/store-parts.js';
import { ROWS_PER_STEP } from '../connection/turn-batch.js';

const CLEAR = new LuaScript('clear', { runsWhenFull: true });

/** A task that a script has removed: the number of its queue, counted from 1. */
export type RemovedRow = readonly [queue: number, id: string, nonce: string];

type ClearReply = readonly [
  rows: readonly RemovedRow[],
  births: readonly string[],
  dangling: readonly DanglingEntry[],
];

/** What one step of a clear has done. */
interface Cleared {
  readonly count: number;
  /** Of the youngest task of each queue when the clear began. */
  readonly births: readonly string[];
  /** There may be more. */
  readonly isCut: boolean;
}

/** Removes tasks in steps, without marks: while processes are connected that do not know them. */
export class StepClearer {
  constructor(private readonly parts: StoreParts) {}

  /** Tasks that come while it goes on are left alone: what is removed was born before the first step. */
  async clear(names: readonly string[], states: readonly string[]): Promise<number> {
    let step = await this.clearSome(names, states);
    const { births } = step;
    let { count } = step;
    while (step.isCut) {
      step = await afterWrites(this.clearSome(names, states, births));
      count += step.count;
    }
    return count;
  }

  private async clearSome(
    names: readonly string[],
    states: readonly string[],
    until: readonly string[] = [],
  ): Promise<Cleared> {
    const { connection, keys, directory, repairs } = this.parts;
    const call = {
      keys: names.map((name) => keys.queue(name)),
      args: [FENCE_MS, ROWS_PER_STEP, states.length, ...states, ...until],
    };
    const [rows, births, dangling] = await connection.writeScript(
      CLEAR,
      call,
      (reply) => reply as ClearReply,
    );
    repairs.tell(dangling);
    await afterWrites(directory.exchange(entriesOf(rows, names)));
    return { count: rows.length, births, isCut: rows.length + dangling.length === ROWS_PER_STEP };
  }
}

/** The entries of the directory to forget. */
export function entriesOf(rows: readonly RemovedRow[], names: readonly string[]) {
  return rows.map(([queue, id, nonce]) => ({
    id,
    from: { queue: names[queue - 1] ?? '', nonce },
    to: undefined,
  }));
}
