import { HeldTasks, type HeldTask } from '../../../src/storage/embedded/held-tasks.js';
import { encodeTask } from '../../../src/storage/embedded/task-record.js';
import type { Task } from '../../../src/task/task.js';
import { processingTask, queuedTask } from '../../support/task.builders.js';

function held(number: number, task: Task): HeldTask {
  return { number, head: encodeTask(task, 10, 0).head, task };
}

describe('the cache of held tasks', () => {
  it('has the last record of each processing task', () => {
    const tasks = new HeldTasks();
    tasks.follow('a', held(1, queuedTask()));
    expect(tasks.get('a')).toBeUndefined();
    const processing = held(1, processingTask());
    tasks.follow('a', processing);
    expect(tasks.get('a')).toBe(processing);
    tasks.follow('a', undefined);
    expect(tasks.get('a')).toBeUndefined();
  });

  it('drops cleared tasks', () => {
    const tasks = new HeldTasks();
    tasks.follow('a', held(1, processingTask()));
    tasks.follow('b', held(2, processingTask()));
    tasks.forgetAll((head) => head === tasks.get('a')?.head);
    expect([tasks.get('a'), tasks.get('b')?.number]).toEqual([undefined, 2]);
  });

  it('is bounded, and keeps the tasks written last', () => {
    const tasks = new HeldTasks();
    for (let number = 0; number <= 4096; number += 1)
      tasks.follow(`t${number}`, held(number, processingTask()));
    expect([tasks.get('t0'), tasks.get('t1')?.number, tasks.get('t4096')?.number]).toEqual([
      undefined,
      1,
      4096,
    ]);
  });
});
