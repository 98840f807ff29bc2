import {
  counted,
  merged,
  newWorker,
  tallyOf,
  type WorkerRecord,
} from '../../../src/workers/worker-record.js';

const IN_A = { completed: 1, failed: 0, lost: 0 };

function recordWith(byQueue: WorkerRecord['byQueue']): WorkerRecord {
  return { ...newWorker(0), completed: 1, byQueue };
}

describe('the counts of a worker by queue', () => {
  it('add up over processes, also with one of an older version, which has none', () => {
    const one = recordWith(counted(undefined, 'a', 'completed'));
    const other = recordWith(counted(counted({ a: IN_A }, 'b', 'lost'), 'a', 'failed'));
    const both = merged(merged(one, other), { ...newWorker(0), completed: 5 });
    expect(both).toMatchObject({
      completed: 7,
      byQueue: { a: { completed: 2, failed: 1, lost: 0 }, b: { completed: 0, failed: 0, lost: 1 } },
    });
    expect(tallyOf(both, (queue) => queue === 'b')).toEqual({ completed: 0, failed: 0, lost: 1 });
    expect(tallyOf(newWorker(0), () => true)).toEqual({ completed: 0, failed: 0, lost: 0 });
  });

  it('are kept of the first hundred queues', () => {
    let byQueue = counted(undefined, 'constructor', 'lost');
    for (let index = 0; index < 200; index += 1) byQueue = counted(byQueue, `q${index}`, 'completed');
    expect(Object.keys(byQueue)).toHaveLength(100);
    expect(counted(byQueue, 'constructor', 'lost').constructor).toEqual({ completed: 0, failed: 0, lost: 2 });
  });
});
