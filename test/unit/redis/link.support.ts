import { Redis } from 'ioredis';
import { openRedisLink, type RedisLink, type RedisLinkOptions } from '../../../src/redis/redis-link.js';
import { parseRedisUrl } from '../../../src/config/redis-url.js';
import type { RedisServer } from '../../support/redis-server.js';

/** Keeps what is logged. */
export class Lines {
  readonly log: string[] = [];
  readonly logger = {
    log: (line: string): void => void this.log.push(line),
    warn: (line: string): void => void this.log.push(line),
  };
}

/** Opens links for a test, and closes them after it, in which no promise may have been forgotten. */
export function useLinks(): (
  url: string,
  options?: Partial<RedisLinkOptions>,
) => RedisLink & { lines: string[] } {
  const links: RedisLink[] = [];
  const unhandled: unknown[] = [];
  const noteUnhandled = (reason: unknown): void => void unhandled.push(reason);
  beforeAll(() => {
    process.on('unhandledRejection', noteUnhandled);
  });
  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.close()));
    expect(unhandled.splice(0)).toEqual([]);
  });
  afterAll(() => {
    process.removeListener('unhandledRejection', noteUnhandled);
  });
  return (url, options = {}) => {
    const lines = new Lines();
    const settings = { name: 'test', timeoutMs: 2_000, logger: lines.logger };
    const link = openRedisLink({ ...settings, endpoint: parseRedisUrl(url), ...options });
    links.push(link);
    return Object.assign(link, { lines: lines.log });
  };
}

/** Resolves with the milliseconds that it took until the link was there, or away. */
export async function untilAvailable(link: RedisLink, isAvailable: boolean): Promise<number> {
  const start = performance.now();
  if (link.isAvailable !== isAvailable) {
    await new Promise<void>((resolve) => {
      link.onChange((now) => {
        if (now === isAvailable) resolve();
      });
    });
  }
  return performance.now() - start;
}

/** Asks a server itself, by a connection of its own. */
export async function ask<T>(server: RedisServer, command: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url);
  try {
    return await command(redis);
  } finally {
    redis.disconnect();
  }
}
