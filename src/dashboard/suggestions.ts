import { Injectable } from '@nestjs/common';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { BatchService } from '../batches/batch.service.js';
import { guardFor, visibleQueues } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import { QueueAdminService } from '../queue-admin/queue-admin.service.js';
import { TaskError } from '../task/task.errors.js';
import { WorkerService } from '../workers/worker.service.js';
import { FIXED_VALUES, SEARCH_FIELDS } from './search-text.js';

const SHOWN = 12;
const BATCHES_READ = 200;
/** The newest tasks, whose groups and ids are offered: the store keeps no list of groups. */
const TASKS_READ = 500;

/** Values that the search box offers while an operator types. */
@Injectable()
export class Suggestions {
  constructor(
    private readonly queue: QueueService,
    private readonly queues: QueueAdminService,
    private readonly batches: BatchService,
    private readonly workers: WorkerService,
  ) {}

  /** Values of the field that begin with the text, then those that contain it. */
  async of(principal: Principal, field: string, text: string): Promise<readonly string[]> {
    if (!Object.hasOwn(SEARCH_FIELDS, field)) return [];
    const wanted = text.toLowerCase();
    const names = await this.names(principal, field as keyof typeof SEARCH_FIELDS);
    const found = [...new Set(names)].filter((name) => name.toLowerCase().includes(wanted));
    const isStart = (name: string) => name.toLowerCase().startsWith(wanted);
    return found.toSorted((one, other) => Number(isStart(other)) - Number(isStart(one))).slice(0, SHOWN);
  }

  /** Whether the key may see a task with this id. */
  async isTask(principal: Principal, id: string): Promise<boolean> {
    try {
      guardFor(principal)(await this.queue.find(id));
      return true;
    } catch (error) {
      if (error instanceof TaskError) return false;
      throw error;
    }
  }

  private async names(principal: Principal, field: keyof typeof SEARCH_FIELDS): Promise<readonly string[]> {
    switch (field) {
      case 'is':
      case 'enqueued':
        return FIXED_VALUES[field] ?? [];
      case 'queue':
        return (await this.queues.list((queue) => mayUseQueue(principal, queue))).map(({ queue }) => queue);
      case 'worker':
        return (await this.workers.list(principal)).map(({ id }) => id);
      case 'batch':
        return this.batchNames(principal);
      case 'group':
        return (await this.newest(principal)).flatMap(({ spec }) => spec.group ?? []);
      case 'id':
        return (await this.newest(principal)).map(({ spec }) => spec.id);
      case 'cause':
        return (await this.newest(principal)).flatMap(({ last }) => last?.cause ?? []);
      case 'error':
      case 'exit':
      case 'ended':
        return [];
    }
  }

  private async batchNames(principal: Principal): Promise<readonly string[]> {
    const queues = visibleQueues(principal, undefined);
    const { batches } = await this.batches.list(BATCHES_READ, { queues });
    return batches.map(({ id }) => id);
  }

  private async newest(principal: Principal) {
    const queues = visibleQueues(principal, undefined);
    return (await this.queue.list({ queues, limit: TASKS_READ })).tasks;
  }
}
