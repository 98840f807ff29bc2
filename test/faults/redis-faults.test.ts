import { expectKept } from './one-fault.js';

const LIMIT_MS = 150_000;

describe('two replicas of the service at one Redis, under load', () => {
  // Side by side: most of the time they wait for leases to end.
  it(
    'keep every promise when Redis is killed and started again, and when the network swallows everything',
    async () => {
      await Promise.all([expectKept('redis-kill', 2_500), expectKept('black-hole', 2_500)]);
    },
    LIMIT_MS,
  );

  it(
    'keep every promise when answers of Redis get lost, and when one replica stands still past its leases',
    async () => {
      await Promise.all([expectKept('replies-lost-briefly'), expectKept('replica-stop')]);
    },
    LIMIT_MS,
  );
});
