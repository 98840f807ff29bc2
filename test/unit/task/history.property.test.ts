import fc from 'fast-check';
import { heartbeat } from '../../../src/task/task.machine.js';
import { isFinished, type Task } from '../../../src/task/task.js';
import { stories, type Story } from './history.arbitrary.js';
import { type Entry, History } from './history.runner.js';

const RUNS = 300;

type Written = Entry & { readonly before: Task };

/** Checks every write of many random histories. */
function everyWrite(check: (entry: Written) => void): void {
  everyStory((story) => {
    for (const entry of new History(story).play(() => undefined).entries) {
      if (entry.before) check({ ...entry, before: entry.before });
    }
  });
}

function everyStory(check: (story: Story) => void): void {
  fc.assert(fc.property(stories, check), { numRuns: RUNS });
}

/** The leases that the machine takes for valid now. A heartbeat changes nothing here: the machine is pure. */
function acceptedLeases(history: History): string[] {
  return history.leaseIds.filter((leaseId) => {
    try {
      return heartbeat(history.task, { leaseId }, history.clock.now()).lease.id === leaseId;
    } catch {
      return false;
    }
  });
}

describe('in any history of one task', () => {
  it('there are never two holders, and the machine knows the one there is', () => {
    everyStory((story) => {
      new History(story).play((history) => {
        const holders = history.holders();
        expect(holders.length).toBeLessThanOrEqual(1);
        expect(acceptedLeases(history)).toEqual(holders);
      });
    });
  });

  it('a task is granted only when nobody holds it', () => {
    everyWrite(({ command, holders }) => {
      if (command === 'claim') expect(holders).toEqual([]);
    });
  });

  it('a lease that is over never changes the task', () => {
    everyWrite(({ command, leaseId, holders }) => {
      if (leaseId !== undefined && command !== 'claim') expect(holders).toEqual([leaseId]);
    });
  });

  it('every write hands on the very object of the spec, by which a store knows the task', () => {
    everyWrite(({ before, after }) => {
      expect(after.spec).toBe(before.spec);
    });
  });

  it('attempts grow by one with each grant and never otherwise', () => {
    everyWrite(({ command, before, after }) => {
      expect(after.attempt).toBe(before.attempt + (command === 'claim' ? 1 : 0));
    });
  });

  it('sequence and revision grow by one with each transition, a heartbeat counts in the revision only', () => {
    everyWrite(({ event, before, after }) => {
      expect(after.revision).toBe(before.revision + 1);
      expect(after.sequence).toBe(before.sequence + (event === 'none' ? 0 : 1));
    });
  });

  it('budgets are never exceeded', () => {
    everyWrite(({ after: { failures, interruptions, spec } }) => {
      expect(failures).toBeLessThanOrEqual(spec.maxAttempts);
      expect(interruptions).toBeLessThanOrEqual(spec.maxInterruptions + 1);
    });
  });

  it('only failures and lost leases spend budgets, one at a time, and only a redrive resets them', () => {
    everyWrite(({ command, before, after, ended }) => {
      if (command === 'redrive') return expect(after).toMatchObject({ failures: 0, interruptions: 0 });
      expect(after.failures).toBe(before.failures + (ended?.outcome === 'failed' ? 1 : 0));
      expect(after.interruptions).toBe(before.interruptions + (ended?.outcome === 'lost' ? 1 : 0));
    });
  });

  it('a dead letter has used up a budget, unless its failure was not retryable', () => {
    everyWrite(({ after }) => {
      if (after.state !== 'failed') return;
      if (after.outcome === 'lost') expect(after.interruptions).toBe(after.spec.maxInterruptions + 1);
      else if (after.outcome === 'deadline') expect(after.deadlineAt).toBeDefined();
      else expect(after.failures).toBeGreaterThanOrEqual(1);
    });
  });

  it('ended states are final, except for a redrive, which never follows a completion', () => {
    everyWrite(({ command, before }) => {
      if (!isFinished(before)) return;
      expect(command).toBe('redrive');
      expect(before.state).not.toBe('completed');
    });
  });

  it('every attempt that ends is recorded with its number, and none ends that never began', () => {
    everyWrite(({ before, after, ended }) => {
      const isOver = before.state === 'processing' && after.state !== 'processing';
      if (isOver) expect(ended).toBeDefined();
      if (!ended) return expect(after.last).toEqual(before.last);
      expect(ended.attempt).toBe(before.attempt);
      expect(ended.attempt).toBeGreaterThanOrEqual(1);
      expect(after.last?.outcome).toBe(ended.outcome);
    });
  });

  it('nothing starts early, and nothing starts after its deadline', () => {
    everyWrite(({ command, before, after, now }) => {
      if (before.state === 'delayed' && command === 'time' && after.state === 'queued') {
        expect(before.runAt).toBeLessThanOrEqual(now.wall);
      }
      if (command === 'claim') expect(before.startBy ?? Infinity).toBeGreaterThan(now.wall);
    });
  });

  it('what the producer asked for never changes', () => {
    everyWrite(({ before, after }) => {
      expect(after.spec).toBe(before.spec);
      expect(after.createdAt).toBe(before.createdAt);
    });
  });
});
