import { Injectable } from '@nestjs/common';
import { QueueService } from '../../../queue/queue.service.js';
import { card } from '../../parts/components.js';
import type { Html } from '../../parts/html.js';
import { timeline } from '../../parts/timeline.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/** What happened to the task, in order. */
@Injectable()
export class AttemptsPane extends TaskPane {
  constructor(private readonly queue: QueueService) {
    super();
  }

  async render({ task, now }: TaskSight): Promise<Html> {
    return card('Timeline', timeline({ task, attempts: await this.queue.attempts(task), now }));
  }
}
