import { setTimeout as delay } from 'node:timers/promises';
import { LEASE_MS } from './load.js';
import type { QueueClient } from './queue.client.js';

const SWEEP_MS = 2_000;
const EMPTY_POLLS = 3;
const POLL_MS = 100;
const DRAIN_LIMIT_MS = 120_000;
const READ_LIMIT_MS = 30_000;
const READERS = 8;
const DRAINERS = 2;
const TASKS_PER_CLAIM = 50;

interface Counts {
  readonly queued: number;
  readonly delayed: number;
  readonly processing: number;
}

/** All that anybody in these tests enqueues into. */
const QUEUES = ['default', 'probe'];

/** What makes a history one that can be judged: wait until all leases are over, do all that is left, read every task. */
export async function finish(client: QueueClient, ids: readonly string[]): Promise<void> {
  await delay(LEASE_MS + SWEEP_MS);
  await drainAll(client);
  await readAll(client, ids);
}

/** Does all that is left, until nothing waits, not even for the end of a lease. */
export async function drainAll(client: QueueClient): Promise<void> {
  const end = performance.now() + DRAIN_LIMIT_MS;
  await Promise.all(Array.from({ length: DRAINERS }, (_, number) => drain(client, `drain-${number}`, end)));
}

/** Asks again for what was not answered: nothing is broken any more, and a machine may be held up. */
export async function readAll(client: QueueClient, ids: readonly string[]): Promise<void> {
  const left = [...ids];
  const end = performance.now() + READ_LIMIT_MS;
  const read = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      while (!(await client.get(id, true)) && performance.now() < end) await delay(POLL_MS);
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
}

async function drain(client: QueueClient, worker: string, end: number): Promise<void> {
  let empties = 0;
  while (empties < EMPTY_POLLS && performance.now() < end) {
    const grants = await client.claim({ worker, max: TASKS_PER_CLAIM, queues: QUEUES });
    if (grants.length > 0) {
      empties = 0;
      await client.endAll(grants.map(({ id, token }) => ({ f: 'complete', id, token })));
      continue;
    }
    const { body } = await client.send('GET', '/status');
    const { queued, delayed, processing } = body as Counts;
    empties = queued + delayed + processing === 0 ? empties + 1 : 0;
    await delay(POLL_MS);
  }
}
