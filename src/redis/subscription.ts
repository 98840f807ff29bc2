import type { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { answers, BEATS_PER_TIMEOUT, Heartbeat, NOT_YET } from './heartbeat.js';
import { resetConnection } from './redis-connection.js';
import { describeRedisError, isRedisReply } from './redis-error.js';

export interface SubscriptionOptions {
  readonly channels: readonly string[];
  /** A channel of this subscription only, on which it publishes echoes to itself. */
  readonly echoChannel: string;
  readonly onMessage: (channel: string, text: string) => void;
  /** Called when messages may have been missed: after a recovery, and every few seconds during an outage. */
  readonly onDoubt: () => void;
}

/** The Redis that the subscription belongs to. */
export interface SubscribedRedis {
  /** The address in log lines. */
  readonly address: string;
  readonly logger: Pick<Logger, 'log' | 'warn'>;
  readonly isAvailable: () => boolean;
  /** Connections to the masters. */
  readonly masters: () => readonly Redis[];
}

/** Beats between a received echo and the next one. */
const BEATS_PER_ECHO = 4;
/** Beats after which a missing echo counts as lost. */
const SILENT_BEATS = 6;
/** Beats between two calls of `onDoubt` during an outage. */
const BEATS_PER_DOUBT = 20;
const DEAF = 'connected, but receives no messages';

/**
 * Subscribes to channels and verifies that messages arrive. A connection that answers can still be deaf: its server may
 * have been replaced or have left the cluster. So the subscription publishes echoes at one master after another and
 * expects to receive them. A deaf connection is reset; the next one leads to another node, or to the master that the
 * Sentinels report.
 *
 * Redis keeps no messages for a subscription, so `onDoubt` reports possible gaps.
 */
export class Subscription {
  isHealthy = false;
  /** The reason why it is unhealthy, in a word or two. */
  trouble = NOT_YET;
  private readonly heartbeat: Heartbeat;
  private hasEcho = true;
  private hasBegun = false;
  private isAsking = false;
  private hasLoggedTrouble = false;
  /** Beats of an unhealthy subscription while Redis is available. */
  private awayBeats = 0;
  private beats = 0;
  private echoes = 0;
  private awaited: { readonly text: string; isTaken: boolean; beats: number } | undefined;
  private readonly listeners = new Set<() => void>();

  /** @param redis a separate connection that reconnects forever, without automatic resubscription */
  constructor(
    private readonly redis: Redis,
    private readonly options: SubscriptionOptions,
    private readonly surroundings: SubscribedRedis,
  ) {
    this.heartbeat = new Heartbeat(redis, answers, () => undefined);
    redis.on('message', (channel: string, text: string) => {
      if (channel !== options.echoChannel) options.onMessage(channel, text);
      else if (text === this.awaited?.text) this.awaited = undefined;
    });
    redis.on('ready', () => void this.subscribe());
    redis.on('close', () => {
      // The end of a connection that was reset before is already handled.
      if (this.isHealthy || this.trouble === NOT_YET) this.lose(this.heartbeat.trouble);
    });
  }

  /** Resolves with true when the first echo arrives, with false on timeout. */
  async ready(limitMs: number): Promise<boolean> {
    if (this.isHealthy) return true;
    return new Promise((resolve) => {
      const end = (isHealthy: boolean): void => {
        clearTimeout(timer);
        this.listeners.delete(onWell);
        resolve(isHealthy);
      };
      const onWell = (): void => end(true);
      const timer = setTimeout(end, limitMs, false);
      this.listeners.add(onWell);
    });
  }

  /** Call it at regular intervals. */
  beat(): void {
    this.beats += 1;
    this.heartbeat.beat();
    if (this.isHealthy) {
      if (this.hasEcho) this.listen();
      return;
    }
    if (!this.surroundings.isAvailable()) {
      // Redis itself is unavailable, which RedisLink logs.
      this.awayBeats = 0;
      return;
    }
    this.awayBeats += 1;
    if (this.awayBeats % BEATS_PER_TIMEOUT === 0) this.reconnect();
    if (this.hasBegun && this.awayBeats % BEATS_PER_DOUBT === 0) this.options.onDoubt();
  }

  /** After the timeout, logs the trouble once and reconnects elsewhere. */
  private reconnect(): void {
    const { logger, address } = this.surroundings;
    if (!this.hasLoggedTrouble) {
      this.hasLoggedTrouble = true;
      const seconds = 'until it recovers, parked polls check for tasks every few seconds';
      logger.warn(`Redis ${address}: the subscription is down (${this.trouble}); ${seconds}`);
    }
    if (this.redis.status === 'ready') resetConnection(this.redis);
  }

  private async subscribe(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      await this.subscribeToAll();
      this.recover();
    } catch (error) {
      this.lose(describeRedisError(error));
      // A lost connection is followed by a reconnect. A rejected command is retried later.
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
      // This user lacks permission for the echo channel; the other channels work without it.
      await this.redis.subscribe(...channels);
      this.hasEcho = false;
    }
  }

  /** Sends an echo at intervals and checks that it arrives. */
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
      // A failed PUBLISH says nothing about this connection.
      if (this.awaited === awaited) this.awaited = undefined;
    }
  }

  private recover(): void {
    if (this.isHealthy || this.redis.status !== 'ready') return;
    const { logger, address } = this.surroundings;
    this.isHealthy = true;
    this.awayBeats = 0;
    if (this.hasLoggedTrouble) logger.log(`Redis ${address}: the subscription has recovered`);
    this.hasLoggedTrouble = false;
    for (const listener of [...this.listeners]) listener();
    if (this.hasBegun) this.options.onDoubt();
    this.hasBegun = true;
  }

  private lose(trouble: string): void {
    this.isHealthy = false;
    this.trouble = trouble;
    this.awaited = undefined;
  }
}
