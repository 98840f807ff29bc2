import { type HeldTask, stateOf } from '../../../src/workers/worker-state.js';

const FORGET = 300;
const SECOND = 1_000;
const HEARD = 1_000_000;

function held(leaseLength: number, since = HEARD): HeldTask {
  return { id: 'a', queue: 'default', since, leaseLength };
}

function after(seconds: number, tasks: readonly HeldTask[], leftAt?: number) {
  const now = HEARD + seconds * SECOND;
  return stateOf({ lastSeen: HEARD, leftAt }, tasks, { now, forget: FORGET });
}

describe('the state of a worker', () => {
  it.each([
    [30, 20],
    [10, 6.666],
    [1, 3],
    [600, 300],
    [86_400, 300],
  ])('that holds a lease of %d s is silent after %d s', (lease, bound) => {
    expect(after(bound, [held(lease)])).toBe('busy');
    expect(after(bound + 0.001, [held(lease)])).toBe('silent');
  });

  it('follows the shortest of its leases', () => {
    expect(after(21, [held(600), held(30), held(60)])).toBe('silent');
  });

  it('is idle without tasks for a third of the time after which it is forgotten, then gone', () => {
    expect(after(100, [])).toBe('idle');
    expect(after(101, [])).toBe('gone');
  });

  it('is gone after a goodbye, with or without tasks', () => {
    expect(after(1, [], HEARD)).toBe('gone');
    expect(after(1, [held(30)], HEARD)).toBe('gone');
  });

  it('is live when it was seen or was given a task after its goodbye', () => {
    expect(after(1, [], HEARD - 1)).toBe('idle');
    expect(after(30, [held(30, HEARD + 15 * SECOND)], HEARD + 10 * SECOND)).toBe('busy');
  });

  it('believes no task that was started ahead of the clock', () => {
    expect(after(1, [held(30, HEARD + 3_600 * SECOND)])).toBe('busy');
    expect(after(30, [held(30, HEARD)])).toBe('silent');
  });
});
