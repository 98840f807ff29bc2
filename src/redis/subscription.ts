import type { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { answers, BEATS_PER_TIMEOUT, Heartbeat, NOT_YET } from './heartbeat.js';
import { resetConnection } from './redis-connection.js';
import { describeRedisError, isRedisReply } from './redis-error.js';

export interface SubscriptionOptions {
  readonly channels: readonly string[];
  /** A channel of this subscription alone, to which it publishes something to see that it hears it. */
  readonly echoChannel: string;
  readonly onMessage: (channel: string, text: string) => void;
  /** Messages may have been missed: it hears again, or has heard nothing for some seconds more. */
  readonly onDoubt: () => void;
}

/** What a subscription needs of the Redis that it belongs to. */
export interface Surroundings {
  /** How logs name it. */
  readonly address: string;
  readonly logger: Pick<Logger, 'log' | 'warn'>;
  readonly isAvailable: () => boolean;
  /** Connections to the masters that are published to. */
  readonly masters: () => readonly Redis[];
}

/** Between the answer to one echo and the next. */
const BEATS_PER_ECHO = 4;
/** An echo that Redis has taken and that does not come for so many beats will not come. */
const SILENT_BEATS = 6;
/** While it hears nothing, its user is told so often to look by itself. */
const BEATS_PER_DOUBT = 20;
const DEAF = 'connected, but hears nothing';

/**
 * Hears what is published to some channels, and knows whether it does. A connection that answers may still be deaf: its
 * server may have been replaced by another one, or have left the Cluster. So the subscription publishes something at one
 * master after the other and expects to hear it. A deaf connection is reset, and the next one leads to another node, or to
 * the master that the Sentinels name.
 *
 * A subscription has no memory. Whoever uses it is told when something may have been missed.
 */
export class Subscription {
  isWell = false;
  /** Why it is not well, in a word or two. */
  trouble = NOT_YET;
  private readonly heartbeat: Heartbeat;
  private hasEcho = true;
  private hasBegun = false;
  private isAsking = false;
  private hasToldTrouble = false;
  /** Beats for which it has not been well although Redis is there. */
  private awayBeats = 0;
  private beats = 0;
  private echoes = 0;
  private awaited: { readonly text: string; isTaken: boolean; beats: number } | undefined;
  private readonly listeners = new Set<() => void>();

  /** @param redis a connection of its own, that connects again for ever and remembers no subscription */
  constructor(
    private readonly redis: Redis,
    private readonly options: SubscriptionOptions,
    private readonly surroundings: Surroundings,
  ) {
    this.heartbeat = new Heartbeat(redis, answers, () => undefined);
    redis.on('message', (channel: string, text: string) => {
      if (channel !== options.echoChannel) options.onMessage(channel, text);
      else if (text === this.awaited?.text) this.awaited = undefined;
    });
    redis.on('ready', () => void this.subscribe());
    redis.on('close', () => {
      // Its end is no news of one that was given up.
      if (this.isWell || this.trouble === NOT_YET) this.lose(this.heartbeat.trouble);
    });
  }

  /** Resolves with true when it hears for the first time, with false when it does not in time. */
  async ready(limitMs: number): Promise<boolean> {
    if (this.isWell) return true;
    return new Promise((resolve) => {
      const end = (isWell: boolean): void => {
        clearTimeout(timer);
        this.listeners.delete(onWell);
        resolve(isWell);
      };
      const onWell = (): void => end(true);
      const timer = setTimeout(end, limitMs, false);
      this.listeners.add(onWell);
    });
  }

  /** To be called in even intervals. */
  beat(): void {
    this.beats += 1;
    this.heartbeat.beat();
    if (this.isWell) {
      if (this.hasEcho) this.listen();
      return;
    }
    if (!this.surroundings.isAvailable()) {
      // The Redis as a whole is away, which is told already.
      this.awayBeats = 0;
      return;
    }
    this.awayBeats += 1;
    if (this.awayBeats % BEATS_PER_TIMEOUT === 0) this.goOn();
    if (this.hasBegun && this.awayBeats % BEATS_PER_DOUBT === 0) this.options.onDoubt();
  }

  /** It has not been well for a time-out: says so once, and tries elsewhere. */
  private goOn(): void {
    const { logger, address } = this.surroundings;
    if (!this.hasToldTrouble) {
      this.hasToldTrouble = true;
      const seconds = 'until then waiting calls look for tasks every few seconds';
      logger.warn(`Redis ${address}: the subscription is away (${this.trouble}); ${seconds}`);
    }
    if (this.redis.status === 'ready') resetConnection(this.redis);
  }

  private async subscribe(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      await this.subscribeToAll();
      this.well();
    } catch (error) {
      this.lose(describeRedisError(error));
      // A connection that has ended is followed by the next one. One that is refused is tried again later.
      if (!isRedisReply(error)) resetConnection(this.redis);
    } finally {
      this.isAsking = false;
    }
  }

  private async subscribeToAll(): Promise<void> {
    const { channels, echoChannel } = this.options;
    try {
      await this.redis.subscribe(...channels, echoChannel);
      this.hasEcho = true;
    } catch (error) {
      if (!describeRedisError(error).startsWith('NOPERM')) throw error;
      // This user may not use the echo's channel: that alone is no reason to do without the others.
      await this.redis.subscribe(...channels);
      this.hasEcho = false;
    }
  }

  /** Sends an echo now and then, and judges by whether it comes. */
  private listen(): void {
    const { awaited } = this;
    if (awaited === undefined) {
      if (this.beats % BEATS_PER_ECHO === 0) void this.sendEcho();
      return;
    }
    if (!awaited.isTaken) return;
    awaited.beats += 1;
    if (awaited.beats < SILENT_BEATS) return;
    this.lose(DEAF);
    resetConnection(this.redis);
  }

  private async sendEcho(): Promise<void> {
    const masters = this.surroundings.masters();
    this.echoes += 1;
    const master = masters[this.echoes % masters.length];
    if (master === undefined) return;
    const awaited = { text: String(this.echoes), isTaken: false, beats: 0 };
    this.awaited = awaited;
    try {
      await master.publish(this.options.echoChannel, awaited.text);
      awaited.isTaken = true;
    } catch {
      // It says nothing about this connection.
      if (this.awaited === awaited) this.awaited = undefined;
    }
  }

  private well(): void {
    if (this.isWell || this.redis.status !== 'ready') return;
    const { logger, address } = this.surroundings;
    this.isWell = true;
    this.awayBeats = 0;
    if (this.hasToldTrouble) logger.log(`Redis ${address}: the subscription is there again`);
    this.hasToldTrouble = false;
    for (const listener of [...this.listeners]) listener();
    if (this.hasBegun) this.options.onDoubt();
    this.hasBegun = true;
  }

  private lose(trouble: string): void {
    this.isWell = false;
    this.trouble = trouble;
    this.awaited = undefined;
  }
}
