import type {
  BatchCancellation,
  BatchList,
  BatchRedrive,
  BatchStatus,
  CancelledBatch,
  RedrivenBatch,
} from './api.generated.js';
import { objectWith } from './answers.js';
import { type Send, waitForEnd, type WaitOptions } from './long-poll.js';
import { itemsOf, type Page } from './pages.js';
import { pathTo } from './paths.js';
import type { CallOptions } from './transport.js';

/** Calls on batches of tasks. `Client.enqueueBatch` creates a batch and adds tasks to it. */
export class BatchCalls {
  constructor(private readonly send: Send) {}

  /** The number of the batch's tasks in each state. @throws NotFound */
  async get(id: string, { signal }: CallOptions = {}): Promise<BatchStatus> {
    return this.send({ method: 'GET', path: pathOf(id), signal }, readBatch);
  }

  /** Resolves with the batch when all of its tasks have ended. @throws WaitTimeout, NotFound */
  wait(id: string, options: WaitOptions = {}): Promise<BatchStatus> {
    const isEnd = ({ status }: BatchStatus): boolean => status === 'done';
    return waitForEnd((call) => this.send(call, readBatch), {
      path: pathOf(id),
      name: `Batch ${id}`,
      isEnd,
      ...options,
    });
  }

  /** Lists batches page by page, newest first. */
  list({ signal }: CallOptions = {}): AsyncGenerator<BatchStatus, void> {
    const read = objectWith<BatchList>({ batches: 'array' });
    const page: Page<BatchList> = (cursor) =>
      this.send({ method: 'GET', path: 'batches', query: { cursor }, signal }, read);
    return itemsOf(page, ({ batches }) => batches);
  }

  /** Cancels the batch's tasks that have not ended, including held ones. */
  async cancel(
    id: string,
    { signal, ...body }: CallOptions & BatchCancellation = {},
  ): Promise<CancelledBatch> {
    const call = { method: 'POST', path: `${pathOf(id)}/cancel`, body, signal } as const;
    return this.send(call, objectWith<CancelledBatch>({ tasks_cancelled: 'number' }));
  }

  /** Returns the batch's dead letters to their queues. */
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
