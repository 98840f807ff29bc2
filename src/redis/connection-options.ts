import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { CommonRedisOptions } from 'ioredis';
import type { RedisEndpoint } from '../config/redis-url.js';

export interface ConnectionSettings {
  /** The name of the connection in `CLIENT LIST`. */
  readonly name: string;
  /** A Redis that is silent for longer counts as unavailable. */
  readonly timeoutMs: number;
  /** A PEM file of certificate authorities that replaces those of the system. */
  readonly caFile?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** Milliseconds before the next attempt to connect, 1 for the first retry. */
  readonly reconnectDelay?: (attempt: number) => number;
}

/** Milliseconds of idleness before the kernel probes a connection. */
const KEEP_ALIVE_MS = 10_000;
/** Milliseconds that a closing connection waits for the server. */
const DISCONNECT_TIMEOUT_MS = 200;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;
/** The share of the timeout for each Sentinel: with two of three silent, the third is still asked in time. */
const SENTINEL_SHARE = 4;

/** The options of every connection that prevent a second execution and endless waits. */
export function guardedOptions(
  endpoint: RedisEndpoint,
  { name, timeoutMs }: ConnectionSettings,
): CommonRedisOptions & { connectTimeout: number; disconnectTimeout: number } {
  return {
    connectionName: name,
    username: endpoint.username,
    password: endpoint.password,
    commandTimeout: timeoutMs,
    connectTimeout: endpoint.kind === 'sentinel' ? timeoutMs / 2 : timeoutMs,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    noDelay: true,
    // With zero, a lost connection rejects the commands in flight; null would repeat them.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // The ready check needs a permission, prints to the console without it, and runs only once.
    enableReadyCheck: false,
    // After a failover the old connection may lead to a replica. True: reconnect without repeating the command.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

/** Milliseconds for one Sentinel to answer. */
export function sentinelTimeoutMs({ timeoutMs }: ConnectionSettings): number {
  return timeoutMs / SENTINEL_SHARE;
}

/**
 * The TLS options of an endpoint with TLS, else `undefined`.
 *
 * @param host the server, if it is known beforehand
 * @throws Error that names the setting, when the file of authorities cannot be read
 */
export function tlsOptions(
  { isTls }: RedisEndpoint,
  { caFile }: ConnectionSettings,
  host?: string,
): ConnectionOptions | undefined {
  if (!isTls) return undefined;
  return {
    ...(caFile === undefined ? {} : { ca: readAuthorities(caFile) }),
    // SNI supports only names, no IP addresses.
    ...(host === undefined || isIP(host) !== 0 ? {} : { servername: host }),
  };
}

/**
 * Milliseconds before the next attempt to connect. The delay doubles up to a second, with a random factor from 0.5 to
 * 1, so that replicas do not reconnect at once.
 *
 * @param attempt 1 for the first retry
 * @param random from 0 up to, not including, 1
 */
export function reconnectDelay(attempt: number, random: number): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
  return longest * (0.5 + random / 2);
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`Cannot read REDIS_TLS_CA_FILE: ${file}`, { cause });
  }
}
