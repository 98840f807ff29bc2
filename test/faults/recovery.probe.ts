import { setTimeout as delay } from 'node:timers/promises';
import type { Ms } from '../support/history.js';
import type { LoadTask } from './load.task.js';
import type { QueueClient } from './queue.client.js';
import { ReplicaRoute } from './replica.route.js';

const AGAIN_AFTER_MS = 50;
const GIVE_UP_MS = 30_000;
const QUEUE = 'probe';

/** Finds out when a replica does its work again: it enqueues a task, leases it and completes it. */
export class RecoveryProbe {
  readonly ids: string[] = [];

  constructor(private readonly client: QueueClient) {}

  /** Milliseconds from now until the first enqueue and the first lease have worked; `Infinity` when they do not. */
  async untilBack(port: number): Promise<Ms> {
    const client = this.client.along(new ReplicaRoute([port]));
    const since = performance.now();
    const hasEnqueued = await this.insist(async () => (await client.enqueue(this.task())) === 'ok');
    const hasLeased = await this.insist(async () => this.leaseOne(client));
    return hasEnqueued && hasLeased ? performance.now() - since : Infinity;
  }

  private async leaseOne(client: QueueClient): Promise<boolean> {
    const [grant] = await client.claim({ worker: 'probe', max: 1, queues: [QUEUE] });
    if (grant === undefined) {
      // Somebody else's probe took it.
      await client.enqueue(this.task());
      return false;
    }
    await client.end({ f: 'complete', id: grant.id, token: grant.token });
    return true;
  }

  private async insist(act: () => Promise<boolean>): Promise<boolean> {
    const end = performance.now() + GIVE_UP_MS;
    while (performance.now() < end) {
      if (await act()) return true;
      await delay(AGAIN_AFTER_MS);
    }
    return false;
  }

  private task(): LoadTask {
    const id = `probe-${this.ids.length}`;
    this.ids.push(id);
    return {
      eval_id: id,
      code: 'pass',
      metadata: {},
      queue: QUEUE,
      priority: 0,
      timeout: 1,
      max_attempts: 3,
      max_interruptions: 20,
      backoff: { type: 'fixed', delay: 0.2, max_delay: 1, jitter: 0 },
    };
  }
}
