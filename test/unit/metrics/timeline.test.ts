import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { DurationSketch } from '../../../src/metrics/duration-sketch.js';
import { Timeline } from '../../../src/metrics/timeline.js';
import { claim, complete, create } from '../../../src/task/task.machine.js';
import { at, FakeClock, spec } from '../../support/task.builders.js';

const START = Date.UTC(2026, 0, 1);

/** The three transitions of a task that waits two seconds and runs for four. */
function story(from: number): CommittedTransition[] {
  const enqueued = create(spec(), at(from));
  if (enqueued.task.state !== 'queued') throw new Error('It has no delay');
  const claimed = claim(enqueued.task, { leaseId: 'lease-1', grace: 30 }, at(from + 2_000));
  const completed = complete(claimed.task, { leaseId: 'lease-1' }, at(from + 6_000));
  if (completed === undefined) throw new Error('It was not complete before');
  return [enqueued, claimed, completed].map((transition, index) => ({ ...transition, id: index + 1 }));
}

describe('Timeline', () => {
  it('puts what happened into its step, with how long it waited and ran', () => {
    const clock = new FakeClock(START + 70_000);
    const timeline = new Timeline(clock);
    timeline.record(story(START + 5_000));
    const point = timeline.read().at(-2);
    expect(point).toMatchObject({ at: START, enqueued: 1, started: 1, completed: 1, failed: 0 });
    expect(Math.abs((point?.wait?.p50 ?? 0) - 2)).toBeLessThan(0.2);
    expect(Math.abs((point?.run?.p99 ?? 0) - 4)).toBeLessThan(0.4);
    expect(timeline.read().at(-1)).toMatchObject({ at: START + 60_000, enqueued: 0, wait: null, run: null });
  });

  it('gives the same sums whatever the step', () => {
    const timeline = new Timeline(new FakeClock(START + 299_000));
    for (let from = START; from < START + 290_000; from += 7_000) timeline.record(story(from));
    const sums = [10, 30, 60, 300].map((step) =>
      timeline.read(step).reduce((sum, { completed }) => sum + completed, 0),
    );
    expect(sums).toEqual([42, 42, 42, 42]);
    expect(timeline.read(10)).toHaveLength(360);
  });

  it('forgets what is older than an hour', () => {
    const clock = new FakeClock(START);
    const timeline = new Timeline(clock);
    timeline.record(story(START));
    clock.advanceSeconds(3610);
    expect(timeline.read(10).every(({ completed }) => completed === 0)).toBe(true);
    timeline.record(story(START + 3_610_000));
    expect(timeline.read(10).at(-1)).toMatchObject({ enqueued: 1, completed: 1 });
  });
});

describe('DurationSketch', () => {
  it('is right within 10 % from a millisecond to hours', () => {
    for (const seconds of [0.001, 0.0123, 0.4, 7, 311, 20_000]) {
      const sketch = new DurationSketch();
      sketch.record(seconds);
      expect(Math.abs((sketch.percentile(0.5) ?? 0) / seconds - 1)).toBeLessThan(0.101);
    }
  });

  it('orders what it was given', () => {
    const sketch = new DurationSketch();
    for (let seconds = 1; seconds <= 100; seconds += 1) sketch.record(seconds);
    const [half, most] = [sketch.percentile(0.5) ?? 0, sketch.percentile(0.99) ?? 0];
    expect([Math.abs(half / 50 - 1) < 0.101, Math.abs(most / 99 - 1) < 0.101]).toEqual([true, true]);
  });

  it('has no percentile of nothing', () => {
    expect(new DurationSketch().percentile(0.5)).toBeUndefined();
  });
});
