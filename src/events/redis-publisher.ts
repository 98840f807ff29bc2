import { setImmediate as nextTurn } from 'node:timers';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { BatchPublisher, type Delivery } from '../redis/batch-publisher.js';
import type { ConnectionSettings } from '../redis/connection-options.js';
import { connectRedis, disconnectRedis, resetConnection } from '../redis/redis-connection.js';
import { describeRedisError } from '../redis/redis-error.js';
import { describeEndpoint, parseRedisUrl } from '../config/redis-url.js';
import type { CommittedTransition } from '../storage/transitions.js';
import { BoundedBuffer } from './bounded-buffer.js';
import { toTaskEvent } from '../task/task-event.js';
import { type EventCounters, type EventsStatus, TaskEvents } from './task-events.js';

export interface RedisPublisherOptions {
  /** Empty: no connection is made, and every event is lost. */
  readonly url: string;
  /** Whether the operator configured no Redis, so that its absence is no reason for a warning. */
  readonly isDefault?: boolean;
  /** Events go to the channel `<prefix>:<type>`. */
  readonly channelPrefix: string;
  /** The maximum number of events in the buffer. */
  readonly bufferSize: number;
  readonly connection: ConnectionSettings;
  /** Milliseconds for sending buffered events on close. One second by default. */
  readonly flushLimitMs?: number;
  readonly logger?: Pick<Logger, 'log' | 'warn'>;
}

// The event that reaches this size ends a pipeline. Redis reads 16 KiB of a connection at a time, and an event is
// shorter than 8 KiB. So Redis receives each pipeline in one read; the class comment says why that matters.
const BATCH_BYTES = 8 * 1024;
const FLUSH_LIMIT_MS = 1_000;

/**
 * Publishes events to Redis channels, in commit order.
 *
 * - **Buffer.** Events wait in a buffer of fixed size for the pipeline before them. A full buffer drops the oldest.
 *   Events also wait until the first connection attempt succeeds or fails.
 * - **Outage.** During an outage no events wait: subscribers are disconnected too, and old events would arrive late.
 *   Events in flight count as lost.
 * - **Order.** One pipeline is in flight at a time and is never repeated. A connection with an overdue reply is reset,
 *   which discards the bytes that Redis has not received. The received rest fits in one read, so Redis publishes it
 *   before events of a later connection.
 */
export class RedisPublisher extends TaskEvents {
  private readonly logger: Pick<Logger, 'log' | 'warn'>;
  private readonly buffer: BoundedBuffer<CommittedTransition>;
  private readonly address: string = '';
  private readonly redis?: Redis;
  private readonly batches?: BatchPublisher;
  private state: 'starting' | 'connected' | 'unavailable' | 'closed' = 'starting';
  private wasConnected = false;
  private lastError: unknown;
  private hasLoggedRefusal = false;
  private isSending = false;
  private isTurnTaken = false;
  private published = 0;
  private lost = 0;
  private whenIdle?: () => void;
  private closing?: Promise<void>;

  constructor(private readonly options: RedisPublisherOptions) {
    super();
    this.logger = options.logger ?? new Logger(RedisPublisher.name);
    this.buffer = new BoundedBuffer(options.bufferSize);
    if (options.url === '') {
      this.state = 'unavailable';
      this.logger.log('Events are off: REDIS_URL is empty');
      return;
    }
    const endpoint = parseRedisUrl(options.url);
    this.address = describeEndpoint(endpoint);
    this.redis = connectRedis(endpoint, options.connection, {
      // Redis publishes while it loads its data, and the check needs a permission that publishing does not. A replica,
      // however, would publish only to its own subscribers.
      enableReadyCheck: endpoint.kind === 'sentinel',
    });
    this.batches = new BatchPublisher(this.redis);
    this.follow(this.redis);
  }

  get status(): EventsStatus {
    return this.state === 'connected' ? 'connected' : 'disconnected';
  }

  get counters(): EventCounters {
    return { published: this.published, lost: this.lost };
  }

  get waiting(): number {
    return this.buffer.size;
  }

  publish(transitions: readonly CommittedTransition[]): void {
    if (this.state === 'unavailable' || this.state === 'closed') {
      this.lost += transitions.length;
      return;
    }
    for (const transition of transitions) {
      if (this.buffer.push(transition)) this.lost += 1;
    }
    this.sendNextTurn();
  }

  close(): Promise<void> {
    this.closing ??= this.flushAndDisconnect();
    return this.closing;
  }

  private follow(redis: Redis): void {
    redis.on('ready', () => {
      this.connected();
    });
    redis.on('error', (error: unknown) => {
      this.lastError = error;
      // While ioredis asks the Sentinels, there is no connection that could emit close.
      if (redis.status === 'connecting') this.becomeUnavailable(describeRedisError(error));
    });
    redis.on('close', () => {
      this.becomeUnavailable(describeRedisError(this.lastError ?? new Error('closed')));
      this.lastError = undefined;
    });
  }

  private connected(): void {
    if (this.state === 'closed') return;
    this.state = 'connected';
    this.wasConnected = true;
    this.hasLoggedRefusal = false;
    this.lastError = undefined;
    this.logger.log(`Connected to Redis ${this.address}; publishing events`);
    this.sendNextTurn();
  }

  private becomeUnavailable(reason: string): void {
    if (this.state === 'unavailable' || this.state === 'closed') return;
    this.state = 'unavailable';
    this.lost += this.buffer.clear();
    this.report(reason);
    this.reportIdle();
  }

  private report(reason: string): void {
    if (this.options.isDefault === true && !this.wasConnected)
      this.logger.log(
        `No Redis for events at ${this.address} (the default of REDIS_URL). Set REDIS_URL to use one, or to an empty value to turn events off`,
      );
    else
      this.logger.warn(`Redis ${this.address} is unavailable (${reason}); events are lost until it recovers`);
  }

  /** One pipeline for all events of this turn of the event loop. */
  private sendNextTurn(): void {
    if (this.isTurnTaken || this.isSending || this.state !== 'connected') return;
    this.isTurnTaken = true;
    nextTurn(() => {
      this.isTurnTaken = false;
      void this.sendAll();
    });
  }

  /** Sends pipelines until the buffer is empty. Never rejects. */
  private async sendAll(): Promise<void> {
    if (this.isSending || !this.batches) return;
    this.isSending = true;
    while (this.state === 'connected' && this.buffer.size > 0) {
      const pairs = this.takeBatch();
      this.account(pairs.length / 2, await this.batches.publish(pairs));
    }
    this.isSending = false;
    this.reportIdle();
  }

  /** Channel, text, channel, text, … of the oldest buffered events. */
  private takeBatch(): string[] {
    const pairs: string[] = [];
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const transition = this.buffer.shift();
      if (!transition) break;
      const channel = `${this.options.channelPrefix}:${transition.type}`;
      const text = JSON.stringify(toTaskEvent(transition, transition.id));
      bytes += channel.length + Buffer.byteLength(text);
      pairs.push(channel, text);
    }
    return pairs;
  }

  private account(sent: number, { accepted, refusal, failure }: Delivery): void {
    this.published += accepted;
    this.lost += sent - accepted;
    if (refusal !== undefined && !this.hasLoggedRefusal) {
      this.hasLoggedRefusal = true;
      this.logger.warn(`Redis ${this.address} rejected events (${refusal}); they are lost`);
    }
    if (failure === undefined) return;
    this.becomeUnavailable(failure);
    if (this.redis) resetConnection(this.redis);
  }

  private reportIdle(): void {
    if (this.isSending || this.buffer.size > 0) return;
    this.whenIdle?.();
  }

  private async flushAndDisconnect(): Promise<void> {
    await this.flush();
    this.state = 'closed';
    this.lost += this.buffer.clear();
    if (!this.redis) return;
    if (this.isSending) resetConnection(this.redis);
    await disconnectRedis(this.redis);
  }

  /** Resolves when no event is in flight, or after the limit. */
  private async flush(): Promise<void> {
    if (!this.isSending && this.buffer.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.options.flushLimitMs ?? FLUSH_LIMIT_MS);
      this.whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
