import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { visibleQueues } from '../queue/queue-access.js';
import type { Task } from '../task/task.js';
import { DEAD_LETTER_STATES } from '../task/task-state.js';
import { causeOf, groupOf, reasonOf } from './error-groups.js';
import { TaskSearch } from './task-search.js';

/** Number of the newest dead letters that are grouped. */
export const LOOKED_AT = 2_000;

/** Dead letters with the same cause, or without one and with the same error. */
export interface DeadGroup {
  /** Identifies the group in URLs. */
  readonly id: string;
  readonly error: string;
  /** The cause that its workers gave. */
  readonly cause: string | undefined;
  /** Newest first, at least one. */
  readonly tasks: readonly Task[];
}

/** Groups dead letters by cause, and those without one by error. */
@Injectable()
export class DeadLetters {
  constructor(private readonly search: TaskSearch) {}

  /** The groups among the newest dead letters, largest first. */
  async groups(principal: Principal): Promise<readonly DeadGroup[]> {
    const groups = new Map<string, DeadGroup & { tasks: Task[] }>();
    const filter = { states: DEAD_LETTER_STATES, queues: visibleQueues(principal, undefined) };
    let read = 0;
    for await (const task of this.search.all(filter)) {
      const id = groupOf(task);
      const group = groups.get(id);
      if (group) group.tasks.push(task);
      else groups.set(id, { id, error: reasonOf(task), cause: causeOf(task), tasks: [task] });
      read += 1;
      if (read === LOOKED_AT) break;
    }
    return [...groups.values()].sort((one, other) => other.tasks.length - one.tasks.length);
  }
}
