import { type Backoff, DEFAULT_BACKOFF, retryDelay } from '../../../src/task/retry-policy.js';

const EXACT: Backoff = { type: 'exponential', delay: 1, maxDelay: 300, jitter: 0 };

describe('retryDelay', () => {
  it('has the defaults of the contract', () => {
    expect(DEFAULT_BACKOFF).toEqual({ type: 'exponential', delay: 1, maxDelay: 300, jitter: 0.1 });
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [9, 256],
    [10, 300],
    [100_000, 300],
  ])('doubles with each failure up to the limit: after %i, %i s', (failures, wait) => {
    expect(retryDelay(EXACT, failures, 0.5)).toBe(wait);
  });

  it.each([1, 2, 50])('stays the same when it is fixed: after %i', (failures) => {
    expect(retryDelay({ ...EXACT, type: 'fixed', delay: 7 }, failures, 0)).toBe(7);
  });

  it('is limited when it is fixed, too', () => {
    expect(retryDelay({ ...EXACT, type: 'fixed', delay: 900 }, 1, 0)).toBe(300);
  });

  it('stops doubling before the numbers end', () => {
    const tiny = { ...EXACT, delay: 2 ** -60 };
    expect(retryDelay(tiny, 65, 0)).toBe(16);
    expect(retryDelay(tiny, 66, 0)).toBe(16);
    expect(retryDelay({ ...EXACT, delay: 0 }, 100_000, 0.5)).toBe(0);
  });

  it('adds jitter to the limited wait, in proportion', () => {
    const jittery = { ...EXACT, jitter: 0.5 };
    expect(retryDelay(jittery, 3, 0)).toBe(4);
    expect(retryDelay(jittery, 3, 0.5)).toBe(5);
    expect(retryDelay(jittery, 20, 0.5)).toBe(375);
  });
});
