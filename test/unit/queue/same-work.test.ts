import { isSameSpec } from '../../../src/queue/same-work.js';
import { spec } from '../../support/task.builders.js';

describe('two enqueues under one id', () => {
  it('ask for the same work whatever the order in which a store gives their members back', () => {
    const requires = { cpu: 'x', 'cpu-arch': 'arm' };
    const turned = { 'cpu-arch': 'arm', cpu: 'x' };
    const backoff = { type: 'fixed', delay: 1, maxDelay: 2, jitter: 0 } as const;
    const backwards = { jitter: 0, maxDelay: 2, delay: 1, type: 'fixed' } as const;
    expect(isSameSpec(spec({ requires, backoff }), spec({ requires: turned, backoff: backwards }))).toBe(
      true,
    );
  });

  it('differ in a label, its value, or that there are labels', () => {
    const one = spec({ requires: { cpu: 'x' } });
    expect(isSameSpec(one, spec({ requires: { cpu: 'y' } }))).toBe(false);
    expect(isSameSpec(one, spec({ requires: { gpu: 'x' } }))).toBe(false);
    expect(isSameSpec(one, spec())).toBe(false);
  });
});
