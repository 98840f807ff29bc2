import { Injectable } from '@nestjs/common';
import type { Caller } from '../queue/caller.js';
import { Parking } from '../runtime/parking.js';
import type { LogRange } from '../storage/task-logs.js';
import { TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import type { Task } from '../task/task.js';
import { LogFollowers } from './log-followers.js';
import { hasEnded, LogService, type LogView } from './log.service.js';

/** Parks reads that wait for more of a log. */
@Injectable()
export class LogWaiters {
  constructor(
    private readonly store: TaskStore,
    private readonly logs: LogService,
    private readonly followers: LogFollowers,
    private readonly parking: Parking,
  ) {}

  /**
   * Resolves with a part of the log when the log has a byte at the offset or the attempt has ended. Also resolves, perhaps
   * without bytes, when `wait` is over, the client disconnects or the service closes.
   *
   * @throws TaskNotFound when the task is removed; ProblemError `too_many_waiters`
   */
  async view(task: Task, range: LogRange, wait: { seconds: Seconds; caller: Caller }): Promise<LogView> {
    const first = await this.logs.view(task, range);
    if (isAnswer(first, range) || wait.seconds === 0) return first;
    let unfollow = (): void => undefined;
    const request = this.parking.park<LogView>({
      wait: wait.seconds,
      caller: wait.caller,
      timeOut: () => {
        request.leave(this.logs.view(task, range));
      },
      left: () => {
        unfollow();
      },
    });
    let current = first.task;
    let isBusy = false;
    let isWoken = false;
    const look = async (): Promise<void> => {
      isWoken = true;
      if (isBusy) return;
      isBusy = true;
      while (isWoken && request.isParked) {
        isWoken = false;
        const view = this.logs.view(current, range);
        await view.then(
          (found) => {
            current = found.task;
            if (isAnswer(found, range) || this.followers.isClosing) request.leave(view);
            // It ended during the read, which may have missed the last bytes.
            else if (hasEnded(found.task, range.attempt)) isWoken = true;
          },
          () => {
            request.leave(view);
          },
        );
      }
      isBusy = false;
    };
    unfollow = this.followers.follow(task.spec.id, () => {
      if (this.store.isAvailable) void look();
      else request.rejectUnavailable();
    });
    // Parks before it checks, so that it misses no append.
    void look();
    return request.answer;
  }
}

function isAnswer({ size, isEnded }: LogView, { offset }: LogRange): boolean {
  return size > offset || isEnded;
}
