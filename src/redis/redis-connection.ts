import { isIP } from 'node:net';
import { types } from 'node:util';
import { Redis, type RedisOptions } from 'ioredis';

/** Where a Redis is, and how to get in. */
export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly isTls: boolean;
}

/** What a user of a connection may choose; everything that guards against a second execution is fixed. */
export type ConnectionChoices = Pick<
  RedisOptions,
  'commandTimeout' | 'connectionName' | 'enableReadyCheck' | 'lazyConnect' | 'retryStrategy'
>;

const DEFAULT_PORT = 6379;
const REPLY_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
// How long a closing connection waits for the other side before it is torn down.
const DISCONNECT_TIMEOUT_MS = 200;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/**
 * A client that executes each command at most once and reconnects for ever.
 *
 * Nothing is queued while the connection is away and nothing is sent again after it was lost: a command whose reply
 * did not come in time rejects, and whether it ran is not known. The caller listens for `error`.
 */
export function connectRedis(endpoint: RedisEndpoint, choices: ConnectionChoices = {}): Redis {
  const { host, port, username, password, db, isTls } = endpoint;
  return new Redis({
    commandTimeout: REPLY_TIMEOUT_MS,
    retryStrategy: (attempt) => reconnectDelay(attempt, Math.random()),
    ...choices,
    ...{ host, port, username, password, db },
    // A certificate is asked for by name; addresses have no name to ask for.
    tls: isTls ? (isIP(host) === 0 ? { servername: host } : {}) : undefined,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // Zero, not off: only then does a lost connection reject what was waiting for a reply.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
  });
}

/** Ends the connection for good: no further attempt, no handle left open. */
export async function disconnectRedis(redis: Redis): Promise<void> {
  // Between two attempts there is no socket whose end could be awaited.
  const hasSocket = redis.status !== 'reconnecting' && redis.status !== 'end';
  await new Promise<void>((resolve) => {
    if (hasSocket) redis.once('end', resolve);
    redis.disconnect();
    if (!hasSocket) resolve();
  });
}

/** Drops the connection so that nothing still on its way to Redis can arrive; the next attempt follows. */
export function resetConnection({ stream }: Redis): void {
  if (stream.destroyed) return;
  // Node cannot reset a TLS connection; there, what is on its way may still arrive.
  if ('encrypted' in stream) stream.destroy();
  else stream.resetAndDestroy();
}

/**
 * Reads `redis://[[user]:password@]host[:port][/db]`, or `rediss://` for TLS.
 *
 * Query parameters are ignored: ioredis would let them override any option. The error never repeats the text, which
 * may hold a password.
 */
export function parseRedisUrl(text: string): RedisEndpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isTls = url?.protocol === 'rediss:';
  if (!url?.hostname || !(isTls || url.protocol === 'redis:')) {
    throw new Error('The Redis URL must look like redis://host:6379 or rediss://host:6379');
  }
  const path = url.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(path)) throw new Error('The path of the Redis URL must be the number of a database');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    username: decodePart(url.username),
    password: decodePart(url.password),
    db: Number(path),
    isTls,
  };
}

/** `host:port`, all that a log may say about an endpoint. */
export function describeEndpoint({ host, port }: RedisEndpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Milliseconds before the next attempt to connect: doubling, never more than five seconds, and at random between
 * half and all of that, so that many replicas do not return at once.
 *
 * @param attempt 1 for the first retry
 * @param random from 0 up to, not including, 1
 */
export function reconnectDelay(attempt: number, random: number): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
  return longest * (0.5 + random / 2);
}

/** Why Redis is not there, in a word that is safe to log: messages may quote what was sent. */
export function describeRedisError(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown error';
  if (isRedisReply(error)) return replyCode(error.message);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message === 'Command timed out' ? 'no reply' : 'connection closed';
}

/** Whether Redis itself answered with this error, so that the command had no effect. */
export function isRedisReply(error: unknown): boolean {
  return types.isNativeError(error) && error.name === 'ReplyError';
}

/** The first word of an error reply: `NOPERM`, `LOADING`, `ERR`. */
export function replyCode(message: string): string {
  return /^-?([A-Z]+)\b/.exec(message)?.[1] ?? 'ERR';
}

function decodePart(part: string): string | undefined {
  if (part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    // The engine's own error would quote the password.
    throw new Error('The user and password in the Redis URL must be percent-encoded');
  }
}
