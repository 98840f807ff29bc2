import type { BatchList, BatchRedrive, BatchStatus, CancelledBatch, RedrivenBatch } from './api.generated.js';
import { objectWith } from './answers.js';
import { type Send, waitForEnd, type WaitOptions } from './long-poll.js';
import { itemsOf, type Page } from './pages.js';
import { pathTo } from './paths.js';
import type { CallOptions } from './transport.js';

/** Tasks that belong together. `Client.enqueueBatch` makes a batch, and lets one grow. */
export class BatchCalls {
  constructor(private readonly send: Send) {}

  /** How many of its tasks are in which state. @throws NotFound */
  async get(id: string, { signal }: CallOptions = {}): Promise<BatchStatus> {
    return this.send({ method: 'GET', path: pathOf(id), signal }, readBatch);
  }

  /** The batch when each of its tasks has ended. @throws WaitTimeout, NotFound */
  wait(id: string, options: WaitOptions = {}): Promise<BatchStatus> {
    const isEnd = ({ status }: BatchStatus): boolean => status === 'done';
    return waitForEnd((call) => this.send(call, readBatch), {
      path: pathOf(id),
      name: `Batch ${id}`,
      isEnd,
      ...options,
    });
  }

  /** Those that `enqueueBatch` made, newest first, a page at a time. */
  list({ signal }: CallOptions = {}): AsyncGenerator<BatchStatus, void> {
    const read = objectWith<BatchList>({ batches: 'array' });
    const page: Page<BatchList> = (cursor) =>
      this.send({ method: 'GET', path: 'batches', query: { cursor }, signal }, read);
    return itemsOf(page, ({ batches }) => batches);
  }

  /** Ends what has not ended, whoever holds it. */
  async cancel(
    id: string,
    { reason, signal }: CallOptions & { reason?: string } = {},
  ): Promise<CancelledBatch> {
    const call = { method: 'POST', path: `${pathOf(id)}/cancel`, body: { reason }, signal } as const;
    return this.send(call, objectWith<CancelledBatch>({ tasks_cancelled: 'number' }));
  }

  /** Gives its dead letters back to their queues. */
  async redrive(id: string, body: BatchRedrive = {}, { signal }: CallOptions = {}): Promise<RedrivenBatch> {
    const path = `${pathOf(id)}/redrive`;
    const read = objectWith<RedrivenBatch>({ tasks_redriven: 'number' });
    return this.send({ method: 'POST', path, body, signal, isRepeatable: false }, read);
  }
}

const readBatch = objectWith<BatchStatus>({ batch_id: 'string', status: 'string' });

function pathOf(id: string): string {
  return pathTo('batches', id);
}
