import { FENCE_MS, type Keys } from './keys.js';
import { LuaScript } from '../connection/lua-script.js';
import { RecentMap } from './recent-map.js';
import type { StoreConnection } from '../connection/store-connection.js';
import { ROWS_PER_SCRIPT, TurnPipeline } from '../connection/pipeline.js';

/** The queue of a task, and the nonce of the insert that put it there. */
export interface DirectoryEntry {
  readonly queue: string;
  readonly nonce: string;
}

/** An entry as it was read, and its new value; `undefined` removes it. */
interface Exchange {
  readonly id: string;
  readonly from: DirectoryEntry;
  readonly to: DirectoryEntry | undefined;
}

interface Reservation extends DirectoryEntry {
  readonly id: string;
}

const CACHE_SIZE = 50_000;

const RESERVE = new LuaScript('reserve', { hasOneKey: true });
const FENCE = new LuaScript('fence', { runsWhenFull: true });
const EXCHANGE = new LuaScript('exchange', { runsWhenFull: true, hasOneKey: true });

/**
 * Finds the queue of a task by its id. An entry is written before its task and removed after its task. So an entry can
 * lack a task, for a moment or after a crash, but no task lacks an entry.
 */
export class IdDirectory {
  private readonly cache = new RecentMap<string, string>(CACHE_SIZE);
  private readonly reservations: TurnPipeline<Reservation, string | null>;
  private readonly exchanges: TurnPipeline<Exchange, number>;

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {
    const bounds = { joined: connection.isCluster ? 1 : ROWS_PER_SCRIPT };
    this.reservations = new TurnPipeline((rows) => this.runReserve(rows), bounds);
    this.exchanges = new TurnPipeline((rows) => this.runExchange(rows), bounds);
  }

  /** The queue in which this process last saw the task. Tasks do not move, but an id can be used again. */
  cachedQueueOf(id: string): string | undefined {
    return this.cache.get(id);
  }

  /** The entry of an id. It is not cached. */
  async entryOf(id: string): Promise<DirectoryEntry | undefined> {
    return parse(await this.connection.read((client) => client.get(this.keys.entry(id))));
  }

  async queueOf(id: string): Promise<string | undefined> {
    const entry = await this.entryOf(id);
    if (entry === undefined) this.cache.forget(id);
    else this.remember(id, entry.queue);
    return entry?.queue;
  }

  remember(id: string, queue: string): void {
    if (this.cache.get(id) !== queue) this.cache.set(id, queue);
  }

  /** Gives each id to its queue unless it is given already. Returns the present entry of each. */
  async reserve(rows: readonly Reservation[]): Promise<readonly DirectoryEntry[]> {
    const present = await addEach(this.reservations, rows, this.connection.isCluster);
    return rows.map((row, index) => parse(present[index] ?? null) ?? row);
  }

  /** Changes entries that are unchanged since they were read. */
  async exchange(rows: readonly Exchange[]): Promise<void> {
    for (const { id } of rows) this.cache.forget(id);
    await addEach(this.exchanges, rows, this.connection.isCluster);
  }

  /** Fences off an announced insert that did not come (ADR 10). False when its task exists after all. */
  async fence(id: string, { queue, nonce }: DirectoryEntry): Promise<boolean> {
    const call = { keys: [this.keys.queue(queue)], args: [id, nonce, FENCE_MS] };
    return this.connection.writeScript(FENCE, call, (reply) => reply === 1);
  }

  private async runReserve(rows: readonly Reservation[]): Promise<readonly (string | null)[]> {
    const call = { keys: rows.map(({ id }) => this.keys.entry(id)), args: rows.map(format) };
    return this.connection.writeScript(RESERVE, call, (reply) => reply as (string | null)[]);
  }

  private async runExchange(rows: readonly Exchange[]): Promise<readonly number[]> {
    const call = {
      keys: rows.map(({ id }) => this.keys.entry(id)),
      args: rows.flatMap(({ from, to }) => [format(from), to === undefined ? '' : format(to)]),
    };
    return this.connection.writeScript(EXCHANGE, call, (reply) => reply as number[]);
  }
}

/** In a Cluster, each id can be on another node. */
async function addEach<Row, Result>(
  pipeline: TurnPipeline<Row, Result>,
  rows: readonly Row[],
  isCluster: boolean,
): Promise<readonly Result[]> {
  if (!isCluster) return rows.length === 0 ? [] : pipeline.add(rows);
  return (await Promise.all(rows.map((row) => pipeline.add([row])))).flat();
}

function format({ queue, nonce }: DirectoryEntry): string {
  return `${nonce} ${queue}`;
}

function parse(entry: string | null): DirectoryEntry | undefined {
  if (entry === null) return undefined;
  const end = entry.indexOf(' ');
  return { nonce: entry.slice(0, end), queue: entry.slice(end + 1) };
}
