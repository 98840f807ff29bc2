import { randomUUID } from 'node:crypto';
import { type Job, Queue, Worker } from 'bullmq';
import type { Rival } from './rival.js';

interface Data {
  readonly code: string;
}

/** BullMQ as its documentation has it for jobs that are processed by hand. */
export async function openBull(port: number): Promise<Rival> {
  const connection = { host: '127.0.0.1', port };
  const queue = new Queue<Data>('bench', { connection });
  const worker = new Worker<Data, object>('bench', undefined, { connection });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const held = new Map<string, Job<Data, object>>();
  return {
    enqueue: (code) => queue.add('task', { code }),
    enqueueMany: (codes) => queue.addBulk(codes.map((code) => ({ name: 'task', data: { code } }))),
    claim: async () => {
      const lease = randomUUID();
      const job = (await worker.getNextJob(lease)) as Job<Data, object> | undefined;
      if (job?.id === undefined) return undefined;
      held.set(job.id, job);
      return { id: job.id, lease, code: job.data.code };
    },
    complete: async (id, lease, output) => {
      await held.get(id)?.moveToCompleted(output, lease, false);
      held.delete(id);
    },
  };
}
