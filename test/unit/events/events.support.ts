import { EventEmitter, once } from 'node:events';
import { Redis } from 'ioredis';
import type { TaskEvent } from '../../../src/task/task-event.js';
import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { queuedTask } from '../../support/task.builders.js';

/** A transition as the store tells it. */
export function committed(overrides: Partial<CommittedTransition> = {}): CommittedTransition {
  return { id: 1, type: 'queued', task: queuedTask(), at: 0, ...overrides };
}

/** `count` tasks that were enqueued, one after the other, with ids from `first` up. */
export function enqueued(count: number, first = 1): CommittedTransition[] {
  return Array.from({ length: count }, (_, index) => {
    const id = first + index;
    return committed({ id, task: queuedTask({ spec: { id: `task-${id}` } }) });
  });
}

/** What goes over the wire for an event: without the fields it lacks. */
export function asJson(event: TaskEvent): unknown {
  return JSON.parse(JSON.stringify(event));
}

/** Keeps what is logged, and tells when a line comes. */
export class RecordingLogger {
  readonly lines: string[] = [];
  private readonly emitter = new EventEmitter();

  log(line: string): void {
    this.record(line);
  }

  warn(line: string): void {
    this.record(line);
  }

  /** Resolves when there have been `count` lines in all. */
  async until(count: number): Promise<void> {
    while (this.lines.length < count) await once(this.emitter, 'line');
  }

  private record(line: unknown): void {
    this.lines.push(String(line));
    this.emitter.emit('line');
  }
}

/** A consumer of the events of one prefix on a real Redis. */
export class Subscriber {
  readonly channels: string[] = [];
  readonly events: TaskEvent[] = [];
  private readonly emitter = new EventEmitter();

  private constructor(private readonly redis: Redis) {
    redis.on('error', () => undefined);
    redis.on('pmessage', (_pattern: string, channel: string, text: string) => {
      this.channels.push(channel);
      this.events.push(JSON.parse(text) as TaskEvent);
      this.emitter.emit('event');
    });
  }

  static async listen(url: string, pattern = 'task:*'): Promise<Subscriber> {
    const redis = new Redis(url, { retryStrategy: () => null });
    const subscriber = new Subscriber(redis);
    await redis.psubscribe(pattern);
    return subscriber;
  }

  get ids(): number[] {
    return this.events.map((event) => event.id);
  }

  /** Resolves when this event has come. */
  async untilId(id: number): Promise<void> {
    while (!this.events.some((event) => event.id === id)) await once(this.emitter, 'event');
  }

  close(): void {
    this.redis.disconnect();
  }
}
