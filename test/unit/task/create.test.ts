import { create } from '../../../src/task/task.machine.js';
import { at, moment, spec } from '../../support/task.builders.js';

const NOW = at(10_000);

describe('create', () => {
  it('starts every count and remembers what was asked for', () => {
    const asked = spec({ priority: 7, batchId: 'batch-1' });
    expect(create(asked, NOW)).toEqual({
      type: 'queued',
      at: 10_000,
      task: {
        state: 'queued',
        spec: asked,
        createdAt: 10_000,
        queuedAt: 10_000,
        revision: 1,
        sequence: 1,
        attempt: 0,
        failures: 0,
        interruptions: 0,
      },
    });
  });

  it('says when a delayed task was delayed', () => {
    expect(create(spec({ delay: 1 }), NOW)).toMatchObject({ type: 'delayed', at: 10_000 });
  });

  it.each([
    ['a delay', { delay: 2.5 }, 12_500],
    ['a start', { runAt: 12_345 }, 12_345],
    ['a start one millisecond ahead', { runAt: 10_001 }, 10_001],
  ])('waits for %s', (_, asked, runAt) => {
    expect(create(spec(asked), NOW).task).toMatchObject({ state: 'delayed', runAt });
  });

  it.each([
    ['no delay', {}],
    ['a delay of nothing', { delay: 0 }],
    ['a start that is now', { runAt: 10_000 }],
    ['a start that has passed', { runAt: 9_999 }],
  ])('is ready at once with %s', (_, asked) => {
    expect(create(spec(asked), NOW).task).toMatchObject({ state: 'queued', queuedAt: 10_000 });
  });

  it.each([
    ['nothing', {}, undefined],
    ['a time to live', { ttl: 2.5 }, 12_500],
    ['a time to live of nothing', { ttl: 0 }, 10_000],
    ['a fixed expiry', { expiresAt: 12_345 }, 12_345],
    ['a time to live and a delay, counted from the enqueue', { ttl: 4, delay: 3 }, 14_000],
  ])('must be started by: %s', (_, asked, startBy) => {
    expect(create(spec(asked), NOW).task.startBy).toBe(startBy);
  });

  it('follows the calendar, not the steady scale', () => {
    const { task, at: time } = create(spec({ delay: 1, ttl: 2 }), moment(10_000, 99_000));
    expect(time).toBe(10_000);
    expect(task).toMatchObject({ createdAt: 10_000, runAt: 11_000, startBy: 12_000 });
  });
});
