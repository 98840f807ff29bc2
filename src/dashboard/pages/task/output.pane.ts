import { Injectable } from '@nestjs/common';
import { seesPayloads } from '../../../queue/queue-access.js';
import { QueueService } from '../../../queue/queue.service.js';
import { card } from '../../parts/components.js';
import type { Part } from '../../parts/html.js';
import { jsonBox } from '../../parts/json-box.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/** The output of a completed task, for those who may see payloads. */
@Injectable()
export class OutputPane extends TaskPane {
  constructor(private readonly queue: QueueService) {
    super();
  }

  async render({ task, principal }: TaskSight): Promise<Part> {
    if (!seesPayloads(principal)) return undefined;
    const output = await this.queue.output(task);
    return output !== undefined && card('Output', jsonBox(`${task.spec.id}-output`, output));
  }
}
