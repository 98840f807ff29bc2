import { Injectable } from '@nestjs/common';
import { QueueService } from '../../../queue/queue.service.js';
import { card } from '../../parts/components.js';
import type { Part } from '../../parts/html.js';
import { errorBox } from '../../parts/error-box.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/** The full text of the last error. */
@Injectable()
export class ErrorPane extends TaskPane {
  constructor(private readonly queue: QueueService) {
    super();
  }

  async render({ task }: TaskSight): Promise<Part> {
    const { error } = await this.queue.details(task);
    return error !== undefined && card('Last error', errorBox(`${task.spec.id}-error`, error));
  }
}
