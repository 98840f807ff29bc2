import Sequencer from '@jest/test-sequencer';

/** The files that take longest, the longest first: most of them wait for real processes or real time. */
const LONGEST = [
  'e2e/worker-scenarios.test.ts',
  'contract/redis.test.ts',
  'simulation/simulation.test.ts',
  'e2e/hostile-slow.test.ts',
  'dashboard/dashboard.test.ts',
  'faults/redis-faults.test.ts',
  'e2e/python-client.test.ts',
  'unit/client/bad-answers.test.ts',
  'e2e/webhooks.test.ts',
  'chaos/chaos.test.ts',
  'e2e/shutdown.test.ts',
  'faults/limits.test.ts',
];

/**
 * Starts the longest test files first, so that no long file begins when all others are done.
 *
 * Jest knows durations only from earlier runs; in a fresh clone it would go by the size of the files.
 */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ path }) {
  const rank = LONGEST.findIndex((file) => path.endsWith(`/test/${file}`));
  return rank === -1 ? LONGEST.length : rank;
}
