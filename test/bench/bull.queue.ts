import { randomUUID } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import { CODE, OUTPUT, type QueueOptions, type RedisQueue } from './redis.queue.js';

/**
 * BullMQ as its documentation has it for jobs that are processed by hand: a queue and a worker without a processor, each
 * with its own connection. All is as it comes: ids are counted, ended jobs are kept, events go to the stream.
 */
export class BullQueue implements RedisQueue {
  private readonly queue: Queue<{ code: string }>;
  private readonly worker: Worker<{ code: string }, string>;

  private constructor({ port, name }: QueueOptions) {
    const connection = { host: '127.0.0.1', port };
    this.queue = new Queue(name, { connection });
    this.worker = new Worker(name, undefined, { connection });
  }

  static async open(options: QueueOptions): Promise<BullQueue> {
    const queue = new BullQueue(options);
    await Promise.all([queue.queue.waitUntilReady(), queue.worker.waitUntilReady()]);
    return queue;
  }

  async enqueue(): Promise<void> {
    await this.queue.add('task', { code: CODE });
  }

  async cycle(): Promise<void> {
    const token = randomUUID();
    const job = await this.worker.getNextJob(token);
    if (job === undefined) throw new Error('BullMQ has no job left');
    await job.moveToCompleted(OUTPUT, token, false);
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.queue.close();
  }
}
