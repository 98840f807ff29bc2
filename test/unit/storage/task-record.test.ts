import { crc32 } from 'node:zlib';
import {
  CorruptRecord,
  decodeHead,
  decodeTask,
  encodeTask,
  RECORD_VERSION,
} from '../../../src/storage/embedded/task-record.js';
import { cancel, claim, complete, create, fail, reprioritize, tick } from '../../../src/task/task.machine.js';
import type { QueuedTask, Task } from '../../../src/task/task.js';
import { at, spec } from '../../support/task.builders.js';

const queued = create(spec({ id: 'a', priority: -1000, queue: 'q', ttl: 3 }), at(1_000)).task as QueuedTask;
const grant = { leaseId: 'lease-1', workerId: 'w-1', claimId: 'c-1', grace: 30 };
const held = claim(queued, grant, at(2_000)).task;

const TASKS: readonly (readonly [string, Task])[] = [
  ['delayed', create(spec({ delay: 7.5, batchId: 'b', traceparent: 'tp' }), at(0)).task],
  ['queued', queued],
  ['queued', create(spec({ group: 'gé', requires: { gpu: 'a', os: 'b' } }), at(0)).task],
  ['queued', reprioritize(queued, 1000, at(1_500))?.task ?? queued],
  ['processing', held],
  ['completed', complete(held, { leaseId: 'lease-1' }, at(3_000))?.task ?? queued],
  ['failed', fail(held, { error: 'né \ud800 "', exitCode: 3, random: 0 }, at(3_000))?.task ?? queued],
  ['cancelled', cancel(held, 'because', at(3_000))?.task ?? queued],
  ['expired', tick(queued, at(4_000))?.task ?? queued],
];

describe('a task record', () => {
  it.each(TASKS)('brings back a %s task', (state, task) => {
    expect(task.state).toBe(state);
    expect(decodeTask(encodeTask(task, 12, 7).record).task).toEqual(task);
  });

  it.each(TASKS)('has the head of a %s task in front', (_, task) => {
    const { record, head } = encodeTask(task, 12, 7);
    expect(decodeHead(record)).toEqual(head);
    expect(decodeHead(record)).toMatchObject({ payloadBytes: 12, bytes: 12 + record.length });
  });

  it('tells names apart that share a place in memory or their characters', () => {
    const queues = [...Array.from({ length: 3_000 }, (_, number) => `queue-${number}`), 'Ã©', 'é', 'Ã©', 'é'];
    for (const queue of [...queues, ...queues]) {
      const { record } = encodeTask(create(spec({ queue }), at(0)).task, 0, 0);
      expect(decodeHead(record).queue).toBe(queue);
    }
  });

  it('keeps a backoff that is not the usual one', () => {
    const backoff = { type: 'fixed', delay: 1, maxDelay: 300, jitter: 0.1 } as const;
    const { task } = create(spec({ backoff }), at(0));
    expect(decodeTask(encodeTask(task, 0, 0).record).task.spec.backoff).toEqual(backoff);
  });

  it('is to the byte what it was before priorities could change', () => {
    const task = {
      ...{ spec: spec({ id: 't', queue: 'q', priority: 3, group: 'g', ttl: 60 }), createdAt: 1000 },
      ...{ revision: 2, sequence: 2, attempt: 1, failures: 0, interruptions: 1, startBy: 61_000 },
      ...{ state: 'queued', queuedAt: 1000 },
    } as const satisfies Task;
    const former = Buffer.from(
      'cfc2504b030103000000000000c9ed40020000000a00000001000000010000000400000071675b2274222c22707974686f6e222c2264' +
        '6f636b6572222c33302c312c332c302c7b2274746c223a36307d2c313030302c322c312c302c312c7b2273746172744279223a3631' +
        '3030302c227175657565644174223a313030307d5d',
      'hex',
    );
    expect(encodeTask(task, 10, 4).record.toString('hex')).toBe(former.toString('hex'));
    expect(decodeTask(former).task).toEqual(task);
  });

  it('has a new priority in its head, where an earlier version reads it as well', () => {
    const raised = reprioritize(queued, 9, at(1_500))?.task ?? queued;
    const { record } = encodeTask(raised, 0, 0);
    expect(decodeHead(record).priority).toBe(9);
    expect(decodeTask(record).task).toMatchObject({ priority: 9, spec: { priority: -1000 } });
  });

  it('is refused when any byte of it has changed', () => {
    const { record } = encodeTask(held, 12, 7);
    for (let index = 0; index < record.length; index += 1) {
      const damaged = Buffer.from(record);
      damaged[index] = (damaged[index] ?? 0) ^ 0x40;
      expect(() => decodeHead(damaged)).toThrow(CorruptRecord);
    }
  });

  it('is refused when it is cut short', () => {
    const { record } = encodeTask(held, 12, 7);
    for (const length of [0, 3, 27, record.length - 1]) {
      expect(() => decodeTask(record.subarray(0, length))).toThrow(CorruptRecord);
    }
  });

  it('is refused when a newer version wrote it', () => {
    const { record } = encodeTask(held, 12, 7);
    record[4] = RECORD_VERSION + 1;
    record.writeUInt32LE(crc32(record.subarray(4)), 0);
    expect(() => decodeHead(record)).toThrow(/version 4/);
  });

  it('has the number on disk that its state has had since version 1', () => {
    const codes = TASKS.map(([state, task]) => [state, encodeTask(task, 0, 0).record[5]]);
    expect(Object.fromEntries(codes)).toEqual({
      delayed: 0,
      queued: 1,
      processing: 2,
      completed: 3,
      failed: 4,
      cancelled: 5,
      expired: 6,
    });
  });

  it('is refused when its state has a number that no state has', () => {
    const { record } = encodeTask(held, 12, 7);
    record[5] = 7;
    record.writeUInt32LE(crc32(record.subarray(4)), 0);
    expect(() => decodeHead(record)).toThrow('its state has the unknown code 7');
  });
});
