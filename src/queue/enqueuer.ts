import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { BatchBook } from './batch-book.js';
import { CallbackRule } from './callback-rule.js';
import type { CreateTaskDto } from './dto/create-task.dto.js';
import { requireQueue } from './queue-access.js';
import { type Enqueued, QueueService } from './queue.service.js';
import { draftOf } from './task-draft.js';

export interface Producer {
  readonly principal: Principal;
  readonly traceparent?: string;
}

/** Enqueues a task of a request. */
@Injectable()
export class Enqueuer {
  constructor(
    private readonly queue: QueueService,
    private readonly batches: BatchBook,
    private readonly callbacks: CallbackRule,
  ) {}

  /** @throws ProblemError when the key or the rules do not allow the task; TaskConflict, QueueFull */
  async enqueue(dto: CreateTaskDto, { principal, traceparent }: Producer): Promise<Enqueued> {
    requireQueue(principal, dto.queue);
    this.callbacks.require(dto.callback_url);
    const draft = draftOf(dto, { traceparent });
    const { queue, batchId } = draft.spec;
    const enqueue = () => this.queue.enqueue(draft);
    return batchId === undefined
      ? enqueue()
      : this.batches.join(batchId, { queues: [queue], principal }, enqueue);
  }
}
