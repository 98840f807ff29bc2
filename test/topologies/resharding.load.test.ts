import { expectKept } from '../faults/one-fault.js';

const LIMIT_MS = 180_000;

describe('two replicas of the service at one Cluster, under load', () => {
  it('keep every promise while slots are moved to and fro', () => expectKept('reshard'), LIMIT_MS);

  it('keep every promise while a master comes, and goes again', () => expectKept('scale'), LIMIT_MS);
});
