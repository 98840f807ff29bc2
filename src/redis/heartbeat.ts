import { types } from 'node:util';
import type { Redis } from 'ioredis';
import { describeRedisError, isRedisReply } from './redis-error.js';
import { resetConnection } from './redis-connection.js';

/**
 * Checks whether the server is usable. Resolves with the trouble in a word or two, or with `undefined`. It sends a
 * command that a healthy server answers at once.
 */
export type ServerCheck = (redis: Redis) => Promise<string | undefined>;

/** The trouble before the first connection. */
export const NOT_YET = 'not connected yet';
/** Beats within the time after which a silent server is unavailable. */
export const BEATS_PER_TIMEOUT = 8;
// Asked within one beat, silent for six: detected after seven eighths of the time.
const SILENT_BEATS = 6;
/** Beats after which the connection is reset although the server answers: it may be the wrong server. */
const USELESS_BEATS = 2;
const NOT_MASTER = 'a replica';

/**
 * Tracks the health of one server, even without commands.
 *
 * - The server is healthy after a passed check. It becomes unhealthy when the connection ends, a check fails, or no
 *   bytes arrive while a reply is due. The connection is then reset.
 * - All received bytes count, not only complete replies: a long reply can delay the next ones.
 * - It counts beats rather than time, so that a stalled process does not blame the server.
 */
export class Heartbeat {
  isHealthy = false;
  /** The reason why it is unhealthy, in a word or two. */
  trouble = NOT_YET;
  private isAsking = false;
  private silentBeats = 0;
  private uselessBeats = 0;
  private bytesRead = 0;
  private lastError: unknown;

  /** @param onChange called when `isHealthy` or `trouble` has changed */
  constructor(
    private readonly redis: Redis,
    private readonly check: ServerCheck,
    private readonly onChange: () => void,
  ) {
    redis.on('ready', () => {
      this.lastError = undefined;
      this.silentBeats = 0;
      void this.ask();
    });
    redis.on('error', (error: unknown) => {
      this.lastError = error;
      // While ioredis asks the Sentinels, there is no connection that could emit close.
      if (redis.status === 'connecting') this.fail(describeRedisError(error));
    });
    redis.on('close', () => {
      this.fail(this.lastError === undefined ? 'connection closed' : describeRedisError(this.lastError));
    });
  }

  /** Call it at regular intervals. */
  beat(): void {
    if (this.redis.status === 'wait') this.redis.connect().catch(() => undefined);
    if (this.redis.status !== 'ready') return;
    this.listen();
    if (this.silentBeats >= SILENT_BEATS) {
      this.silentBeats = 0;
      this.fail('no reply');
      resetConnection(this.redis);
    } else if (!this.isAsking) {
      void this.ask();
    }
  }

  private listen(): void {
    const { bytesRead } = this.redis.stream;
    const isSilent = this.isAsking && bytesRead === this.bytesRead;
    this.silentBeats = isSilent ? this.silentBeats + 1 : 0;
    this.bytesRead = bytesRead;
  }

  private async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      this.judge(await this.check(this.redis));
    } catch (error) {
      // The `close` event reports the end of a connection, and `beat` detects silence.
      if (isRedisReply(error)) this.judge(describeRedisError(error));
    } finally {
      this.isAsking = false;
    }
  }

  private judge(trouble: string | undefined): void {
    if (trouble !== undefined) {
      this.fail(trouble);
      this.uselessBeats += 1;
      if (this.uselessBeats % USELESS_BEATS === 0 && trouble === NOT_MASTER) resetConnection(this.redis);
      return;
    }
    this.uselessBeats = 0;
    if (this.isHealthy || this.redis.status !== 'ready') return;
    this.isHealthy = true;
    this.onChange();
  }

  private fail(trouble: string): void {
    if (!this.isHealthy && this.trouble === trouble) return;
    this.isHealthy = false;
    this.trouble = trouble;
    this.onChange();
  }
}

/** Checks that the server answers. */
export const answers: ServerCheck = async (redis) => {
  await permitted(redis.ping());
  return undefined;
};

/** Checks that the server answers, has loaded its data and accepts writes. */
export const takesWrites: ServerCheck = async (redis) => {
  const [role] = await Promise.all([permitted(redis.role()), permitted(redis.ping())]);
  return Array.isArray(role) && role[0] !== 'master' ? NOT_MASTER : undefined;
};

/** Checks that the server answers, has loaded its data and considers the cluster healthy. */
export const isInCluster: ServerCheck = async (redis) => {
  const [info] = await Promise.all([permitted(redis.cluster('INFO')), permitted(redis.ping())]);
  return typeof info === 'string' && !info.includes('cluster_state:ok') ? 'CLUSTERDOWN' : undefined;
};

/** `undefined` without permission: a missing permission alone does not make the server unhealthy. */
async function permitted<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (types.isNativeError(error) && error.message.startsWith('NOPERM')) return undefined;
    throw error;
  }
}
