import { Injectable } from '@nestjs/common';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { HttpLimits } from '../http/http-limits.js';
import { BatchBook } from '../queue/batch-book.js';
import { requireQueue } from '../queue/queue-access.js';
import { type Enqueued, QueueService } from '../queue/queue.service.js';
import { Clock } from '../task/clock.js';
import type { ScheduleDto } from './dto/schedule.dto.js';
import { taskIdAt } from './schedule.js';
import { type KnownSchedule, type ScheduleDraft, ScheduleService } from './schedule.service.js';
import { taskOf } from './scheduled-task.js';

/** Changes schedules within the access of a key. */
@Injectable()
export class ScheduleDesk {
  constructor(
    private readonly schedules: ScheduleService,
    private readonly batches: BatchBook,
    private readonly queue: QueueService,
    private readonly limits: HttpLimits,
    private readonly clock: Clock,
  ) {}

  /** Creates or replaces a schedule. @throws ProblemError as `ScheduleService.put` */
  put(dto: ScheduleDto, principal: Principal): Promise<KnownSchedule & { isNew: boolean }> {
    const { schedule_id: id, cron, timezone, catch_up: catchUp, paused: isPaused } = dto;
    return this.putDraft({ id, cron, timezone, catchUp, isPaused, taskText: dto.task.text }, principal);
  }

  /** @throws ProblemError `schedule_not_found` */
  async setPaused(id: string, isPaused: boolean, principal: Principal): Promise<void> {
    const { schedule } = await this.find(id, principal);
    await this.putDraft({ ...schedule, isPaused }, principal);
  }

  /**
   * Enqueues a task of the schedule now. Its name has milliseconds, so it differs from the task of any due time.
   *
   * @throws ProblemError `schedule_not_found`; TaskConflict, QueueFull
   */
  async trigger(id: string, principal: Principal): Promise<Enqueued> {
    const { schedule } = await this.find(id, principal);
    const now = Math.floor(this.clock.now().wall);
    const name = taskIdAt(id, now % 1000 === 0 ? now + 1 : now);
    const draft = taskOf(schedule.taskText, name, this.limits);
    const { queue, batchId } = draft.spec;
    const enqueue = () => this.queue.enqueue(draft);
    return batchId === undefined
      ? enqueue()
      : this.batches.join(batchId, { queues: [queue], principal }, enqueue);
  }

  /** Removes a schedule; its tasks stay. @throws ProblemError `schedule_not_found` */
  remove(id: string, principal: Principal): Promise<void> {
    return this.schedules.remove(id, (queue) => mayUseQueue(principal, queue));
  }

  private find(id: string, principal: Principal): Promise<KnownSchedule> {
    return this.schedules.find(id, (queue) => mayUseQueue(principal, queue));
  }

  private putDraft(draft: ScheduleDraft, principal: Principal) {
    return this.schedules.put(
      draft,
      async ({ queue, batchId }) => {
        requireQueue(principal, queue);
        if (batchId !== undefined) await this.batches.cover(batchId, { queues: [queue], principal });
      },
      (queue) => mayUseQueue(principal, queue),
    );
  }
}
