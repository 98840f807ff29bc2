import type { Config } from '../../src/config/config.js';
import { RedisServer } from './redis-server.js';
import { startTestApp } from './test-app.js';

type StoreName = Config['QUEUE_STORE'];

/** The stores that the tests of the whole service run on. */
const STORES: readonly StoreName[] = ['embedded', 'redis'];

/** What a store needs beside the service. */
interface Surroundings {
  start(): Promise<void>;
  /** The settings of one more service, which shares its tasks with no other. */
  settings(): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface StoreUnderTest extends Pick<Surroundings, 'settings'> {
  readonly name: StoreName;
  /** `startTestApp` on this store. */
  readonly startApp: typeof startTestApp;
}

/** Declares the tests of the whole service once for each store. */
export function describeStores(declare: (store: StoreUnderTest) => void): void {
  describe.each(STORES)('on the %s store,', (name) => {
    const surroundings = surroundingsOf(name);
    const settings = () => surroundings.settings();
    beforeAll(() => surroundings.start());
    declare({
      name,
      settings,
      startApp: (env, logger) => startTestApp({ ...settings(), ...env }, logger),
    });
    // Hooks run in the order of their declaration: the services have ended by now.
    afterAll(() => surroundings.stop());
  });
}

function surroundingsOf(name: StoreName): Surroundings {
  switch (name) {
    case 'embedded':
      return new Nothing();
    case 'redis':
      return new OneRedis();
  }
}

/** Each service has a directory of its own already. */
class Nothing implements Surroundings {
  async start(): Promise<void> {}

  settings(): Readonly<Record<string, string>> {
    return { QUEUE_STORE: 'embedded' };
  }

  async stop(): Promise<void> {}
}

/** A server for all tests of a file, and a prefix of its own for each service. */
class OneRedis implements Surroundings {
  private server: RedisServer | undefined;
  private services = 0;

  async start(): Promise<void> {
    this.server = await RedisServer.start();
  }

  settings(): Readonly<Record<string, string>> {
    if (this.server === undefined) throw new Error('Redis is started before all tests');
    this.services += 1;
    return {
      QUEUE_STORE: 'redis',
      REDIS_URL: this.server.url,
      REDIS_KEY_PREFIX: `service-${this.services}`,
    };
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }
}
