import type { Logger } from '@nestjs/common';
import { Cluster, type Redis } from 'ioredis';
import { isRedisReply, replyCode } from './redis-error.js';
import { describeHost } from '../config/redis-url.js';

/** Names and values, from INFO or CONFIG GET. */
type Facts = ReadonlyMap<string, string>;

/** The version that added script flags (`#!lua`). Valkey reports 7.2 here. */
const OLDEST_MAJOR = 7;

/**
 * Checks that the server can keep tasks; in a cluster, every master. Warns about settings that lose tasks on a restart.
 * Checks without permission are skipped: a missing permission alone does not stop the service.
 *
 * @throws Error with one sentence that names the setting to change
 */
export async function checkServer(client: Redis | Cluster, logger: Pick<Logger, 'warn'>): Promise<void> {
  const isCluster = client instanceof Cluster;
  const servers = isCluster ? client.nodes('master') : [client];
  await Promise.all(
    servers.map(async (redis) => {
      const { host = '', port = 0 } = addressOf(redis);
      const address = describeHost({ host, port });
      const info = await infoOf(redis);
      refuseUnfit(address, info, isCluster);
      for (const line of risksOf(info, await persistenceOf(redis))) {
        logger.warn(`Redis ${address} ${line}`);
      }
    }),
  );
}

function refuseUnfit(address: string, info: Facts, isCluster: boolean): void {
  // Valkey uses the second name from version 8 on.
  const mode = info.get('redis_mode') ?? info.get('server_mode');
  if (mode === 'sentinel') {
    throw new Error(
      `Redis ${address} is a Sentinel; set REDIS_URL to redis+sentinel://host:port/master-name`,
    );
  }
  if (mode === 'cluster' && !isCluster) {
    throw new Error(`Redis ${address} is a cluster node; set REDIS_URL to redis+cluster://host:port`);
  }
  const version = info.get('redis_version');
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new Error(
      `Redis ${address} has version ${version}; the service needs Redis 7.0, Valkey 7.2, or newer`,
    );
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis ${address} drops tasks when its memory is full (maxmemory-policy ${policy}); set maxmemory-policy to noeviction`,
    );
  }
}

function risksOf(info: Facts, config: Facts): string[] {
  if (info.get('aof_enabled') === '1') {
    if (config.get('appendfsync') !== 'no') return [];
    return ['flushes tasks to disk only when the system decides; set appendfsync to everysec or always'];
  }
  // Managed servers hide these settings or persist data in their own way.
  if (info.get('aof_enabled') === undefined || config.get('save')) return [];
  return config.has('save')
    ? ['keeps tasks in memory only and loses them on a restart; set appendonly to yes']
    : ['has no append-only file and does not report snapshots; set appendonly to yes'];
}

async function infoOf(redis: Redis): Promise<Facts> {
  const text = await allowed(() => redis.info());
  const lines = (text ?? '').split('\r\n').filter((line) => !line.startsWith('#'));
  return new Map(lines.map((line) => split(line)));
}

async function persistenceOf(redis: Redis): Promise<Facts> {
  const replies = await Promise.all(
    ['appendfsync', 'save'].map((name) => allowed(() => redis.config('GET', name))),
  );
  return new Map(
    replies.flatMap((reply) =>
      Array.isArray(reply) && reply.length === 2 ? [[String(reply[0]), String(reply[1])]] : [],
    ),
  );
}

/** `undefined` without permission, or without the command, as on managed servers. */
async function allowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isRedisReply(error) && ['NOPERM', 'ERR'].includes(replyCode((error as Error).message))) {
      return undefined;
    }
    throw error;
  }
}

function addressOf(redis: Redis): { host?: string; port?: number } {
  const { remoteAddress, remotePort } = redis.stream as { remoteAddress?: string; remotePort?: number };
  return { host: remoteAddress, port: remotePort };
}

function split(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1)];
}
