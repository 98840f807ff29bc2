import { setImmediate as nextTurn } from 'node:timers';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { BatchPublisher, type Delivery } from '../redis/batch-publisher.js';
import type { ConnectionSettings } from '../redis/connection-options.js';
import { connectRedis, disconnectRedis, resetConnection } from '../redis/redis-connection.js';
import { describeRedisError } from '../redis/redis-error.js';
import { describeEndpoint, parseRedisUrl } from '../config/redis-url.js';
import type { Committed } from '../storage/task-store.js';
import { BoundedBuffer } from './bounded-buffer.js';
import { toTaskEvent } from '../task/task-event.js';
import { type EventCounters, type EventsStatus, TaskEvents } from './task-events.js';

export interface RedisPublisherOptions {
  /** Empty: no connection is made, and every event is lost. */
  readonly url: string;
  /** Events go to the channel `<prefix>:<type>`. */
  readonly channelPrefix: string;
  /** How many events may wait. */
  readonly bufferSize: number;
  readonly connection: ConnectionSettings;
  /** How long, in milliseconds, the end waits for what is still to be sent. One second by default. */
  readonly flushLimitMs?: number;
  readonly logger?: Pick<Logger, 'log' | 'warn'>;
}

// A batch ends with the event that brings it to this size. Redis reads 16 KiB of a connection at a time, and an event
// is shorter than 8 KiB, so it has the whole of a batch in one go. See the class comment for why that matters.
const BATCH_BYTES = 8 * 1024;
const FLUSH_LIMIT_MS = 1_000;

/**
 * Publishes events to Redis channels, in the order of the commits.
 *
 * - **Buffer.** Events wait in a buffer of fixed size for the batch before them; when it is full the oldest are lost.
 *   They also wait there until the first attempt to connect has succeeded or failed.
 * - **Away.** While Redis is away nothing waits: subscribers of a Redis that comes back are away too, and old events
 *   would only keep memory and arrive late. What was on its way counts as lost.
 * - **Order.** One batch is under way at a time, and none is ever sent again. A connection whose reply is overdue is
 *   reset, which also takes back what has not reached Redis; what a stalled Redis has already received fits in one
 *   read, so it is published before anything of a later connection.
 */
export class RedisPublisher extends TaskEvents {
  private readonly logger: Pick<Logger, 'log' | 'warn'>;
  private readonly buffer: BoundedBuffer<Committed>;
  private readonly address: string = '';
  private readonly redis?: Redis;
  private readonly batches?: BatchPublisher;
  private state: 'starting' | 'connected' | 'away' | 'closed' = 'starting';
  private lastError: unknown;
  private hasToldRefusal = false;
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
      this.state = 'away';
      this.logger.log('No Redis is configured; events are not published');
      return;
    }
    const endpoint = parseRedisUrl(options.url);
    this.address = describeEndpoint(endpoint);
    this.redis = connectRedis(endpoint, options.connection, {
      // Redis publishes while it loads its data, and the check needs a permission that publishing does not. But what a
      // replica publishes, only its own subscribers hear.
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

  publish(transitions: readonly Committed[]): void {
    if (this.state === 'away' || this.state === 'closed') {
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
      // Where Sentinels are asked first there is no connection yet that could close.
      if (redis.status === 'connecting') this.away(describeRedisError(error));
    });
    redis.on('close', () => {
      this.away(describeRedisError(this.lastError ?? new Error('closed')));
      this.lastError = undefined;
    });
  }

  private connected(): void {
    if (this.state === 'closed') return;
    this.state = 'connected';
    this.hasToldRefusal = false;
    this.lastError = undefined;
    this.logger.log(`Redis ${this.address} is connected; events are published`);
    this.sendNextTurn();
  }

  private away(reason: string): void {
    if (this.state === 'away' || this.state === 'closed') return;
    this.state = 'away';
    this.lost += this.buffer.clear();
    this.logger.warn(`Redis ${this.address} is away (${reason}); events are lost until it is back`);
    this.tellIdle();
  }

  /** One batch for all that is published in this turn of the event loop. */
  private sendNextTurn(): void {
    if (this.isTurnTaken || this.isSending || this.state !== 'connected') return;
    this.isTurnTaken = true;
    nextTurn(() => {
      this.isTurnTaken = false;
      void this.sendAll();
    });
  }

  /** Sends batch after batch until nothing waits. Never rejects. */
  private async sendAll(): Promise<void> {
    if (this.isSending || !this.batches) return;
    this.isSending = true;
    while (this.state === 'connected' && this.buffer.size > 0) {
      const pairs = this.takeBatch();
      this.account(pairs.length / 2, await this.batches.publish(pairs));
    }
    this.isSending = false;
    this.tellIdle();
  }

  /** Channel, text, channel, text, … of the oldest events that wait. */
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
    if (refusal !== undefined && !this.hasToldRefusal) {
      this.hasToldRefusal = true;
      this.logger.warn(`Redis ${this.address} refuses events (${refusal}); those are lost`);
    }
    if (failure === undefined) return;
    this.away(failure);
    if (this.redis) resetConnection(this.redis);
  }

  private tellIdle(): void {
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

  /** Resolves when nothing is on its way any more, or after the limit. */
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
