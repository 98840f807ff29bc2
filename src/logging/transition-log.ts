import { Injectable, Logger } from '@nestjs/common';
import type { CommittedTransition } from '../storage/transitions.js';
import { toTaskEvent } from '../task/task-event.js';

/** Logs one line per transition of this process: ids and names, no text from workers. */
@Injectable()
export class TransitionLog {
  private readonly logger = new Logger('Tasks');

  record(transitions: readonly CommittedTransition[]): void {
    for (const transition of transitions) this.log(transition);
  }

  private log(transition: CommittedTransition): void {
    const { type, eval_id, queue, status, sequence, attempt, worker_id } = toTaskEvent(
      transition,
      transition.id,
    );
    this.logger.debug(`Task ${eval_id} ${type}`, {
      type,
      eval_id,
      queue,
      status,
      sequence,
      attempt,
      ...(worker_id !== undefined && { worker_id }),
    });
  }
}
