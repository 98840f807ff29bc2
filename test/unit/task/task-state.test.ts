import { readFileSync } from 'node:fs';
import {
  CANCELLABLE_STATES,
  countIn,
  DEAD_LETTER_STATES,
  REDRIVABLE_STATES,
  TASK_STATES,
  WAITING_STATES,
} from '../../../src/task/task-state.js';
import { cancel, dueAt, redrive } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';
import {
  at,
  cancelledTask,
  completedTask,
  delayedTask,
  expiredTask,
  failedTask,
  processingTask,
  queuedTask,
} from '../../support/task.builders.js';

const TASKS: readonly Task[] = [
  delayedTask(),
  queuedTask(),
  processingTask(),
  completedTask(),
  failedTask(),
  cancelledTask(),
  expiredTask(),
];

describe('the facts about states', () => {
  it('name every state once, in the order of the documented counts', () => {
    expect(TASK_STATES).toEqual(TASKS.map(({ state }) => state));
  });

  it('give the groups of states that the API documents', () => {
    expect(WAITING_STATES).toEqual(['delayed', 'queued']);
    expect(CANCELLABLE_STATES).toEqual(['delayed', 'queued', 'processing']);
    expect(DEAD_LETTER_STATES).toEqual(['failed', 'expired']);
    expect(REDRIVABLE_STATES).toEqual(['failed', 'expired', 'cancelled']);
  });

  it('sum counts over some states, or over all', () => {
    const counts = {
      delayed: 1,
      queued: 2,
      processing: 4,
      completed: 8,
      failed: 16,
      cancelled: 32,
      expired: 64,
    };
    expect(countIn(counts)).toBe(127);
    expect(countIn(counts, WAITING_STATES)).toBe(3);
  });

  it.each(TASKS.map((task) => [task.state, task] as const))('agree with the machine on %s', (state, task) => {
    const isAllowed = (command: () => unknown) => {
      try {
        return command() !== undefined;
      } catch {
        return false;
      }
    };
    expect(isAllowed(() => redrive(task, at(1_000)))).toBe(
      (REDRIVABLE_STATES as readonly string[]).includes(state),
    );
    expect(isAllowed(() => cancel(task, undefined, at(1_000)))).toBe(
      (CANCELLABLE_STATES as readonly string[]).includes(state),
    );
  });

  it('are the ones by which the Redis scripts index deadlines', () => {
    const script = readFileSync(new URL('../../../src/storage/redis/lua/index.lua', import.meta.url), 'utf8');
    const table = /^DEADLINES = \{([^}]*)\}/m.exec(script)?.[1] ?? '';
    const indexed = Object.fromEntries(
      [...table.matchAll(/(\w+) = '([^']*)'/g)].map(([, state, key]) => [state, key]),
    );
    const expected = TASKS.map((task) => {
      if ('finishedAt' in task) return [task.state, ':ended'];
      const scale = dueAt(task, 0)?.scale ?? 'wall';
      return [task.state, scale === 'steady' ? ':leases' : ':due'];
    });
    expect(indexed).toEqual(Object.fromEntries(expected));
  });
});
