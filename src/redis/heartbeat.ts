import { types } from 'node:util';
import type { Redis } from 'ioredis';
import { describeRedisError, isRedisReply } from './redis-error.js';
import { resetConnection } from './redis-connection.js';

/**
 * Looks whether the server does what it is needed for, and resolves with a word or two about what is wrong, or with
 * `undefined`. It sends something that is answered at once by a server that is well.
 */
export type ServerCheck = (redis: Redis) => Promise<string | undefined>;

/** The trouble of one that was never connected. */
export const NOT_YET = 'not connected yet';
/** How many times the heart beats within the time after which a silent server is away. */
export const BEATS_PER_TIMEOUT = 8;
// Asked at the latest after one beat, silent for six: noticed after seven eighths of the time.
const SILENT_BEATS = 6;
/** A server that answers and is of no use may be the wrong one: connecting again may lead to the right one. */
const USELESS_BEATS = 2;
const NOT_MASTER = 'a replica';

/**
 * Knows whether one server is well, also when nothing else is asked of it.
 *
 * - It is well from a check that finds nothing wrong until the connection ends, a check finds something wrong, or
 *   nothing at all comes from it while an answer is due. Then the connection is reset.
 * - Bytes count as life, not only answers: a long answer may keep those behind it waiting.
 * - Beats are counted rather than time measured, so a process that was held up itself does not blame the server.
 */
export class Heartbeat {
  isWell = false;
  /** Why it is not well, in a word or two. */
  trouble = NOT_YET;
  private isAsking = false;
  private silentBeats = 0;
  private uselessBeats = 0;
  private bytesRead = 0;
  private lastError: unknown;

  /** @param onChange called when `isWell` or `trouble` has changed */
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
      // Where Sentinels are asked first there is no connection yet that could close.
      if (redis.status === 'connecting') this.unwell(describeRedisError(error));
    });
    redis.on('close', () => {
      this.unwell(this.lastError === undefined ? 'connection closed' : describeRedisError(this.lastError));
    });
  }

  /** To be called in even intervals. */
  beat(): void {
    if (this.redis.status === 'wait') this.redis.connect().catch(() => undefined);
    if (this.redis.status !== 'ready') return;
    this.listen();
    if (this.silentBeats >= SILENT_BEATS) {
      this.silentBeats = 0;
      this.unwell('no reply');
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
      // The end of the connection is told by its own event, and silence is for `beat` to judge.
      if (isRedisReply(error)) this.judge(describeRedisError(error));
    } finally {
      this.isAsking = false;
    }
  }

  private judge(trouble: string | undefined): void {
    if (trouble !== undefined) {
      this.unwell(trouble);
      this.uselessBeats += 1;
      if (this.uselessBeats % USELESS_BEATS === 0 && trouble === NOT_MASTER) resetConnection(this.redis);
      return;
    }
    this.uselessBeats = 0;
    if (this.isWell || this.redis.status !== 'ready') return;
    this.isWell = true;
    this.onChange();
  }

  private unwell(trouble: string): void {
    if (!this.isWell && this.trouble === trouble) return;
    this.isWell = false;
    this.trouble = trouble;
    this.onChange();
  }
}

/** Whether it answers. */
export const answers: ServerCheck = async (redis) => {
  await permitted(redis.ping());
  return undefined;
};

/** Whether it answers, has loaded its data, and takes writes. */
export const takesWrites: ServerCheck = async (redis) => {
  const [role] = await Promise.all([permitted(redis.role()), permitted(redis.ping())]);
  return Array.isArray(role) && role[0] !== 'master' ? NOT_MASTER : undefined;
};

/** Whether it answers, has loaded its data, and takes the cluster as a whole for well. */
export const isInCluster: ServerCheck = async (redis) => {
  const [info] = await Promise.all([permitted(redis.cluster('INFO')), permitted(redis.ping())]);
  return typeof info === 'string' && !info.includes('cluster_state:ok') ? 'CLUSTERDOWN' : undefined;
};

/** `undefined` where this user may not ask: that alone is no reason to do without the server. */
async function permitted<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (types.isNativeError(error) && error.message.startsWith('NOPERM')) return undefined;
    throw error;
  }
}
