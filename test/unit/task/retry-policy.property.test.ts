import fc from 'fast-check';
import { retryDelay } from '../../../src/task/retry-policy.js';

describe('retryDelay', () => {
  it('is never early and never later than the jitter allows', () => {
    const backoffs = fc.record({
      type: fc.constantFrom('exponential' as const, 'fixed' as const),
      delay: fc.double({ min: 0, max: 86_400, noNaN: true }),
      maxDelay: fc.double({ min: 0, max: 86_400, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(backoffs, fc.integer({ min: 1, max: 10_000 }), randoms, (backoff, failures, random) => {
        const exact = retryDelay({ ...backoff, jitter: 0 }, failures, random);
        const wait = retryDelay(backoff, failures, random);
        expect(exact).toBeLessThanOrEqual(backoff.maxDelay);
        expect(wait).toBeGreaterThanOrEqual(exact);
        expect(wait).toBeLessThanOrEqual(exact * (1 + backoff.jitter));
        expect(retryDelay(backoff, failures + 1, 0)).toBeGreaterThanOrEqual(exact);
      }),
    );
  });
});
