import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis-server.js';
import { LOAD_ENV, type Ports } from './load.js';
import { Replica } from './redis.stage.js';

export type LimitsStore = 'embedded' | 'redis';

/** At one Redis; an embedded store has one process. */
const REPLICAS = 3;
/** Every write is synced before it is acknowledged. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** The service on a fresh store, in as many processes as the store allows up to three. Whoever opens it closes it. */
export class LimitsStage {
  private constructor(
    private readonly directory: string,
    private readonly server: RedisServer | undefined,
    readonly replicas: readonly [Replica, ...Replica[]],
  ) {}

  static async open(store: LimitsStore, main?: string): Promise<LimitsStage> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-limits-'));
    const server = store === 'redis' ? await RedisServer.start({ args: DURABLE }) : undefined;
    const env = {
      ...LOAD_ENV,
      QUEUE_STORE: store,
      REDIS_URL: server?.url ?? '',
      REDIS_TIMEOUT_SECONDS: '20',
    };
    const replica = async () => new Replica({ directory, main, env, port: await freePort() });
    const others =
      server === undefined ? [] : await Promise.all(Array.from({ length: REPLICAS - 1 }, replica));
    const stage = new LimitsStage(directory, server, [await replica(), ...others]);
    try {
      await Promise.all(stage.replicas.map((each) => each.start()));
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get ports(): Ports {
    const [first, ...others] = this.replicas;
    return [first.port, ...others.map(({ port }) => port)];
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((each) => each.kill()));
    await this.server?.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
