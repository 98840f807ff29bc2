import type { Keys } from '../records/keys.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreConnection } from '../connection/store-connection.js';

const COUNT = new LuaScript('count-clear', { runsWhenFull: true, hasOneKey: true });

/**
 * The number of clears that all processes have made, which is the generation of the store. It never goes back: after a
 * failover that lost some, the processes give Redis the highest number that they know.
 */
export class ClearCount {
  private latest = 0;

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** The highest number that this process has heard of. */
  get known(): number {
    return this.latest;
  }

  note(count: number): void {
    if (count > this.latest) this.latest = count;
  }

  /** Counts one clear more. @throws StoreUnavailable */
  add(): Promise<number> {
    return this.run(1);
  }

  /** Asks Redis, which may know more clears than this process has heard of. @throws StoreUnavailable */
  async read(): Promise<number> {
    return Math.max(await this.ask(), this.latest);
  }

  /** Makes this process and Redis know the same. @throws StoreUnavailable */
  async level(): Promise<void> {
    const count = await this.ask();
    this.note(count < this.latest ? await this.run(0) : count);
  }

  private async ask(): Promise<number> {
    return Number((await this.connection.read((client) => client.get(this.keys.generation))) ?? 0);
  }

  private run(clears: 0 | 1): Promise<number> {
    const call = { keys: [this.keys.generation], args: [this.latest, clears] };
    return this.connection.writeScript(COUNT, call, Number);
  }
}
