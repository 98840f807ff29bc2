import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { CommonRedisOptions } from 'ioredis';
import type { RedisEndpoint } from '../config/redis-url.js';

export interface ConnectionSettings {
  /** What the server calls the connection, in `CLIENT LIST`. */
  readonly name: string;
  /** A Redis that is silent for longer is away. */
  readonly timeoutMs: number;
  /** A PEM file of the certificate authorities to trust instead of the system's. */
  readonly caFile?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** Milliseconds before the next attempt to connect, 1 for the first retry. */
  readonly reconnectDelay?: (attempt: number) => number;
}

/** For how long the kernel lets a connection be idle before it asks whether the other side is still there. */
const KEEP_ALIVE_MS = 10_000;
/** How long a closing connection waits for the other side before it is torn down. */
const DISCONNECT_TIMEOUT_MS = 200;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;
/** Two of three Sentinels may be silent, and still the third is asked before the time is up. */
const SENTINEL_SHARE = 4;

/** What guards every connection, of whatever kind, against a second execution, and against waiting for ever. */
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
    // Zero, not off: only then does a lost connection reject what was waiting for a reply.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // It needs a permission, prints to the console when that is missing, and looks only once.
    enableReadyCheck: false,
    // After a fail-over the old connection may lead to what is a replica now. True: connect again, do not send again.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

/** How long one Sentinel may take to answer. */
export function sentinelTimeoutMs({ timeoutMs }: ConnectionSettings): number {
  return timeoutMs / SENTINEL_SHARE;
}

/**
 * What is trusted when the endpoint wants TLS, else `undefined`.
 *
 * @param host the one that is connected to, when it is known beforehand
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
    // A certificate is asked for by name; addresses have no name to ask for.
    ...(host === undefined || isIP(host) !== 0 ? {} : { servername: host }),
  };
}

/**
 * Milliseconds before the next attempt to connect: doubling, never more than a second, and at random between half and
 * all of that, so that many replicas do not return at once.
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
    throw new Error(`REDIS_TLS_CA_FILE cannot be read: ${file}`, { cause });
  }
}
