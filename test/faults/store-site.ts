import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RedisServer } from '../support/redis-server.js';
import type { ServiceOptions } from './service.js';

/** A script that takes longer is told: everybody else waits for it. */
const SLOW_MICROSECONDS = 5_000;

/** Where a service of a campaign keeps its tasks: a directory, or a Redis of its own that syncs every write. */
export class StoreSite {
  private constructor(
    readonly options: ServiceOptions,
    private readonly redis: RedisServer | undefined,
  ) {}

  /** @param name `embedded` or `redis` */
  static async open(name: string, env: Readonly<Record<string, string>> = {}): Promise<StoreSite> {
    if (name !== 'embedded' && name !== 'redis') throw new Error(`No such store: ${name}`);
    const directory = await mkdtemp(join(tmpdir(), 'crucible-size-'));
    const given = { LOG_LEVEL: 'error', ...env };
    if (name === 'embedded') return new StoreSite({ directory, env: given }, undefined);
    const args = ['--slowlog-log-slower-than', String(SLOW_MICROSECONDS), '--slowlog-max-len', '10000'];
    const redis = await RedisServer.start({ isDurable: true, args });
    const ofRedis = { QUEUE_STORE: 'redis', REDIS_URL: redis.url };
    return new StoreSite({ directory, env: { ...given, ...ofRedis } }, redis);
  }

  /** The processes that a service waits for. */
  get pids(): readonly number[] {
    return this.redis === undefined ? [] : [this.redis.pid];
  }

  /** What Redis took longer for since the last call: how often, and how long at most, by the digest of the script. */
  async slowCommands(): Promise<readonly string[]> {
    if (this.redis === undefined) return [];
    const client = new Redis(this.redis.url);
    try {
      const entries = (await client.call('SLOWLOG', 'GET', '10000')) as [number, number, number, string[]][];
      await client.call('SLOWLOG', 'RESET');
      const worst = new Map<string, { count: number; most: number }>();
      for (const [, , microseconds, words] of entries) {
        const [command = '', digest = ''] = words;
        const isScript = command.toLowerCase() === 'evalsha';
        const name = isScript ? `script ${digest.slice(0, 8)}` : 'other commands';
        const { count, most } = worst.get(name) ?? { count: 0, most: 0 };
        worst.set(name, { count: count + 1, most: Math.max(most, microseconds) });
      }
      return Array.from(
        worst,
        ([name, { count, most }]) => `${name}: ${count} times, up to ${(most / 1_000).toFixed(1)} ms`,
      );
    } finally {
      client.disconnect();
    }
  }

  async close(): Promise<void> {
    await this.redis?.stop();
    await rm(this.options.directory, { recursive: true, force: true });
  }
}
