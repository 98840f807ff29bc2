import { toTaskEvent } from '../../../src/task/task-event.js';
import { claim, complete, create, fail, release, cancel, tick } from '../../../src/task/task.machine.js';
import type { Transition } from '../../../src/task/task.machine.js';
import {
  at,
  cancelledTask,
  expiredTask,
  failedTask,
  grant,
  lastAttempt,
  processingTask,
  queuedTask,
  spec,
} from '../../support/task.builders.js';
import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { asJson, committed } from '../events/events.support.js';

const FAILURE = { leaseId: 'lease-1', error: 'exit 1', random: 0 };

function eventOf(transition: Transition | undefined) {
  if (!transition) throw new Error('The command did nothing');
  return toTaskEvent(transition, 7);
}

/** The event of a transition that the store has numbered. */
function eventAs(transition: CommittedTransition) {
  return toTaskEvent(transition, transition.id);
}

describe('toTaskEvent', () => {
  it('has the fields of the contract and no others', () => {
    const { task, type } = claim(queuedTask(), grant(), at(1_000));
    const event = eventAs(committed({ id: 12, type, task, at: Date.UTC(2026, 1, 3, 4, 5, 6, 7) }));
    expect(asJson(event)).toEqual({
      id: 12,
      type: 'processing',
      eval_id: 'task-1',
      queue: 'default',
      status: 'processing',
      sequence: 2,
      timestamp: '2026-02-03T04:05:06.007Z',
      attempt: 1,
      worker_id: 'worker-1',
    });
  });

  it('leaves out what an enqueued task does not have', () => {
    const event = asJson(eventOf(create(spec(), at(0))));
    expect(event).not.toHaveProperty('worker_id');
    expect(event).not.toHaveProperty('error');
  });

  it.each([
    ['completed', complete(processingTask(), { leaseId: 'lease-1' }, at(2_000))],
    ['failed', fail(processingTask(), FAILURE, at(2_000))],
    ['retrying', fail(processingTask({ spec: { maxAttempts: 2 } }), FAILURE, at(2_000))],
    ['released', release(processingTask(), { leaseId: 'lease-1' }, at(2_000))],
    ['lost', tick(processingTask(), at(61_000))],
    ['cancelled', cancel(processingTask(), 'enough', at(2_000))],
  ])('names the worker whose attempt ended: %s', (type, transition) => {
    expect(eventOf(transition)).toMatchObject({ type, worker_id: 'worker-1' });
  });

  it('names no worker when an earlier one plays no part', () => {
    const last = lastAttempt({ outcome: 'released' });
    const waiting = queuedTask({ attempt: 1, last });
    expect(eventOf(cancel(waiting, undefined, at(2_000))).worker_id).toBeUndefined();
    expect(eventAs(committed({ type: 'expired', task: expiredTask({ last }) })).worker_id).toBeUndefined();
    expect(eventAs(committed({ type: 'queued', task: waiting })).worker_id).toBeUndefined();
  });

  it.each(['failed', 'retrying'] as const)('tells the error of a %s attempt', (type) => {
    const task = failedTask({ last: lastAttempt({ error: 'exit 1' }) });
    expect(eventAs(committed({ type, task })).error).toBe('exit 1');
  });

  it('keeps the reason of a cancel or release to itself', () => {
    const last = lastAttempt({ outcome: 'cancelled', error: 'a secret' });
    const task = cancelledTask({ last, reason: 'a secret' });
    expect(JSON.stringify(eventAs(committed({ type: 'cancelled', task })))).not.toContain('a secret');
  });

  it('keeps the lease id to itself', () => {
    const { task, type } = claim(queuedTask(), grant({ leaseId: 'the-token' }), at(0));
    expect(JSON.stringify(eventAs(committed({ type, task })))).not.toContain('the-token');
  });

  it('cuts a long error between code points', () => {
    const long = 'x'.repeat(999) + '😀' + 'y'.repeat(500);
    const transition = fail(processingTask(), { ...FAILURE, error: long }, at(2_000));
    expect(eventOf(transition).error).toBe('x'.repeat(999));
  });

  it('keeps a whole code point that ends at the limit', () => {
    const long = 'x'.repeat(998) + '😀' + 'y'.repeat(500);
    const transition = fail(processingTask(), { ...FAILURE, error: long }, at(2_000));
    expect(eventOf(transition).error).toBe('x'.repeat(998) + '😀');
  });

  it('leaves half a code point that the worker itself sent', () => {
    const transition = fail(processingTask(), { ...FAILURE, error: 'odd \uD83D' }, at(2_000));
    expect(eventOf(transition).error).toBe('odd \uD83D');
  });
});
