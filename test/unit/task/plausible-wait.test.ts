import { create, fail, release, withPlausibleWait } from '../../../src/task/task.machine.js';
import type { TaskSpec } from '../../../src/task/task.js';
import { at, processingTask, spec } from '../../support/task.builders.js';

const NOW = at(1_000_000);
const AHEAD = at(90_000_000);

/** What becomes of a task that was enqueued while the clock was ahead. */
function enqueued(fields: Partial<TaskSpec>) {
  return withPlausibleWait(create(spec(fields), AHEAD).task, NOW);
}

describe('a wait that was decided by a clock that was ahead', () => {
  it('begins anew: a delay', () => {
    expect(enqueued({ delay: 5 })).toMatchObject({ state: 'delayed', runAt: NOW.wall + 5_000, revision: 2 });
  });

  it('begins anew: the time to start, also of a task that is ready', () => {
    expect(enqueued({ ttl: 60 })).toMatchObject({ state: 'queued', startBy: NOW.wall + 60_000 });
    expect(enqueued({ ttl: 60, delay: 5 })).toMatchObject({
      runAt: NOW.wall + 5_000,
      startBy: NOW.wall + 60_000,
    });
  });

  it('begins anew: a backoff, a wait that the worker asked for, and a release', () => {
    const held = processingTask({ spec: { maxAttempts: 3 } });
    const leaseId = held.lease.id;
    const failed = fail(held, { leaseId, random: 0, retryAfter: 7 }, { ...AHEAD, steady: 2_000 });
    const released = release(held, { leaseId, delay: 9 }, { ...AHEAD, steady: 2_000 });
    expect(failed && withPlausibleWait(failed.task, NOW)).toMatchObject({ runAt: NOW.wall + 7_000 });
    expect(released && withPlausibleWait(released.task, NOW)).toMatchObject({ runAt: NOW.wall + 9_000 });
  });

  it('is looked at once', () => {
    const believed = enqueued({ delay: 5, ttl: 60 });
    expect(believed && withPlausibleWait(believed, NOW)).toBeUndefined();
  });
});

describe('a wait that can be', () => {
  it('stays: moments that the producer has named', () => {
    expect(enqueued({ runAt: AHEAD.wall + 5_000, expiresAt: AHEAD.wall + 9_000 })).toBeUndefined();
  });

  it('stays: what was decided by the right clock', () => {
    const transition = create(spec({ delay: 5, ttl: 60 }), NOW);
    expect(withPlausibleWait(transition.task, at(NOW.wall + 1))).toBeUndefined();
    expect(withPlausibleWait(processingTask(), NOW)).toBeUndefined();
  });
});
