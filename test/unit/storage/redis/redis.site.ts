import type { Redis } from 'ioredis';
import { Keys } from '../../../../src/storage/redis/records/keys.js';
import type { RedisTaskStore } from '../../../../src/storage/redis/redis-task-store.js';
import type { TaskStore } from '../../../../src/storage/task-store.js';
import { RedisServer, type RedisServerOptions } from '../../../support/redis-server.js';
import { openRedis, openRedisStore, type RedisStoreChoices } from '../../../support/redis-store.js';
import { StoreUser } from '../../../support/store-user.js';
import { FakeClock } from '../../../support/task.builders.js';

/** A Redis for the tests of a file. Each test has a prefix of its own there, and a clock that it moves. */
export class RedisSite {
  clock = new FakeClock();
  private readonly opened: { close(): Promise<void> }[] = [];
  private readonly stores: RedisTaskStore[] = [];
  private tests = 0;
  private running: RedisServer | undefined;

  get server(): RedisServer {
    if (this.running === undefined) throw new Error('The Redis server is not there yet');
    return this.running;
  }

  get prefix(): string {
    return `test-${this.tests}`;
  }

  get keys(): Keys {
    return new Keys(this.prefix);
  }

  async start(options: RedisServerOptions): Promise<void> {
    this.running = await RedisServer.start(options);
  }

  begin(): void {
    this.tests += 1;
    this.clock = new FakeClock();
  }

  /** One more instance at the same data. It is closed after the test. */
  async open(choices: Partial<RedisStoreChoices> = {}): Promise<RedisTaskStore> {
    const { clock, prefix: keyPrefix } = this;
    const store = await openRedisStore({ url: this.server.url, keyPrefix, clock, ...choices });
    this.opened.push(store);
    this.stores.push(store);
    return store;
  }

  /** Resolves when nothing that was cleared is left in Redis. */
  async reclaimed(): Promise<void> {
    await Promise.all(this.stores.map((store) => store.reclaimed()));
  }

  /** One more instance, and somebody who uses it. */
  async user(choices: Partial<RedisStoreChoices> = {}): Promise<StoreUser> {
    return this.userOf(await this.open(choices));
  }

  /** Somebody who uses this store. */
  userOf(store: TaskStore): StoreUser {
    const never = () => Promise.reject(new Error('This store is not opened again'));
    return new StoreUser({ store, clock: this.clock, reopen: never, crash: never, destroy: never });
  }

  /** A plain client. It is closed after the test. */
  async client(url = this.server.url): Promise<Redis> {
    const client = await openRedis(url);
    this.opened.push({
      async close() {
        client.disconnect();
      },
    });
    return client;
  }

  async end(): Promise<void> {
    this.stores.length = 0;
    await Promise.all(this.opened.splice(0).map((each) => each.close()));
  }

  async stop(): Promise<void> {
    await this.running?.stop();
  }
}

/** Lets the tests of a file have a Redis of their own. */
export function useRedis(options: RedisServerOptions = {}): RedisSite {
  const site = new RedisSite();
  beforeAll(() => site.start(options));
  afterAll(() => site.stop());
  beforeEach(() => site.begin());
  afterEach(() => site.end());
  return site;
}
