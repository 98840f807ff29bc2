import type { BatchList, BatchRedrive, BatchStatus, CancelledBatch, RedrivenBatch } from './api.generated.js';
import { type Send, waitForEnd, type WaitOptions } from './long-poll.js';
import { itemsOf } from './pages.js';
import type { CallOptions } from './transport.js';

/** Tasks that belong together. `Client.enqueueBatch` makes a batch, and lets one grow. */
export class BatchCalls {
  constructor(private readonly send: Send) {}

  /** How many of its tasks are in which state. @throws NotFound */
  async get(id: string, { signal }: CallOptions = {}): Promise<BatchStatus> {
    return (await this.send({ method: 'GET', path: pathOf(id), signal })) as BatchStatus;
  }

  /** The batch when each of its tasks has ended. @throws WaitTimeout, NotFound */
  wait(id: string, options: WaitOptions = {}): Promise<BatchStatus> {
    const isEnd = ({ status }: BatchStatus): boolean => status === 'done';
    return waitForEnd(this.send, { path: pathOf(id), name: `Batch ${id}`, isEnd, ...options });
  }

  /** Those that `enqueueBatch` made, newest first, a page at a time. */
  list({ signal }: CallOptions = {}): AsyncGenerator<BatchStatus, void> {
    const page = (cursor?: string): Promise<BatchList> =>
      this.send({ method: 'GET', path: 'batches', query: { cursor }, signal }) as Promise<BatchList>;
    return itemsOf(page, ({ batches }) => batches);
  }

  /** Ends what has not ended, whoever holds it. */
  async cancel(
    id: string,
    { reason, signal }: CallOptions & { reason?: string } = {},
  ): Promise<CancelledBatch> {
    const call = { method: 'POST', path: `${pathOf(id)}/cancel`, body: { reason }, signal } as const;
    return (await this.send(call)) as CancelledBatch;
  }

  /** Gives its dead letters back to their queues. */
  async redrive(id: string, body: BatchRedrive = {}, { signal }: CallOptions = {}): Promise<RedrivenBatch> {
    const path = `${pathOf(id)}/redrive`;
    return (await this.send({ method: 'POST', path, body, signal, isRepeatable: false })) as RedrivenBatch;
  }
}

function pathOf(id: string): string {
  return `batches/${encodeURIComponent(id)}`;
}
