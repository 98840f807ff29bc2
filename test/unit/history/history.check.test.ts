import { checkHistory, type Verdict } from '../../support/history.check.js';
import { type History, HistoryRecorder, type Operation, resultOf } from '../../support/history.js';
import { type Bug, BUGS, GROUP_LIMIT } from './simulated.queue.js';
import { Simulation } from './simulated.run.js';

const SEEDS = 30;
const SEEDS_PER_BUG = 5;

/** Any of these finds the bug; the first is the promise that it breaks. */
const FOUND_BY: Record<Bug, readonly string[]> = {
  'lost task': ['INV-01'],
  phantom: ['INV-02'],
  'payload changed': ['INV-03'],
  'two holders': ['INV-04'],
  'token reused': ['INV-05'],
  'attempt reused': ['INV-05'],
  'stale completion accepted': ['INV-06'],
  'late heartbeat accepted': ['INV-06'],
  'completion undone': ['INV-07'],
  'false empty': ['INV-09'],
  'order broken': ['INV-10'],
  'priority ignored': ['INV-10'],
  'redelivered too often': ['INV-11'],
  'early delivery': ['INV-12'],
  'retry without its wait': ['INV-12'],
  'time to live ignored': ['INV-13'],
  'duplicate enqueue': ['INV-14'],
  'clear leaves zombies': ['INV-18'],
  'clear miscounts': ['INV-18'],
  'never redelivered': ['INV-08'],
  'one above the limit': ['INV-27'],
  'slot freed twice': ['INV-27'],
};
const LIMIT_BUGS: readonly Bug[] = ['one above the limit', 'slot freed twice'];

function judged(history: History, groupLimit?: number): Verdict {
  return checkHistory(history, { hasFaults: true, groupLimit });
}

const EMPTY_POLL = { f: 'lease', queues: ['default'], max: 1, grants: [], res: 'ok' } as const;

/** One task, enqueued at 10 and leased at 4,000, when there was a delay. */
function small({ delayMs = 0, losesFrom }: { delayMs?: number; losesFrom?: number }) {
  const enqueue = { f: 'enqueue', id: 'x', queue: 'default', hash: 'h', res: 'ok', t0: 5, t1: 10 } as const;
  const budget = { priority: 0, delayMs, maxAttempts: 9, maxInterruptions: 9 };
  const lease = (attempt: number, token: string, t0: number): Operation => {
    const granted = { id: 'x', token, attempt, leaseMs: 10_000, hash: 'h' };
    return { ...EMPTY_POLL, grants: [granted], t0, t1: t0 + 1 };
  };
  const complete = (token: string, t0: number): Operation => {
    return { f: 'complete', id: 'x', token, state: 'completed', res: 'ok', t0, t1: t0 + 1 };
  };
  const history = new HistoryRecorder();
  history.operations.push({ ...enqueue, ...budget });
  if (delayMs > 0) history.operations.push(lease(1, 'a', 4_000));
  if (losesFrom !== undefined) history.faults.push({ kind: 'cut', t0: 0, t1: 9_000, losesFrom });
  return { history, lease, complete };
}

describe('checkHistory', () => {
  it.each([false, true])(`accepts a correct queue in ${SEEDS} runs (with a clear: %s)`, (hasClear) => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const verdict = judged(new Simulation({ seed, hasClear }).run());
      expect({ seed, ...verdict }).toMatchObject({ seed, invalid: [], violations: [] });
      expect(verdict.figures).toMatchObject({ lost: 0, unexpected: 0, undone: 0 });
      expect(verdict.figures.acknowledged).toBeGreaterThan(50);
      expect(verdict.figures.duplicated).toBeGreaterThan(0);
    }
  });

  it.each([false, true])(
    `sees groups of a correct queue full, never above (with a clear: %s)`,
    (hasClear) => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const history = new Simulation({ seed, hasClear, hasGroups: true }).run();
        const { violations, figures } = judged(history, GROUP_LIMIT);
        expect({ seed, violations }).toEqual({ seed, violations: [] });
        expect(figures.mostOfGroup).toBe(GROUP_LIMIT);
      }
    },
  );

  it.each(BUGS)(`finds the bug "%s" in ${SEEDS_PER_BUG} runs of ${SEEDS_PER_BUG}`, (bug) => {
    const hasGroups = LIMIT_BUGS.includes(bug);
    for (let seed = 1; seed <= SEEDS_PER_BUG; seed += 1) {
      const history = new Simulation({ seed, bug, hasClear: bug.startsWith('clear'), hasGroups }).run();
      const verdict = judged(history, hasGroups ? GROUP_LIMIT : undefined);
      const rules = new Set(verdict.violations.map(({ rule }) => rule));
      expect({ bug, seed, isFound: FOUND_BY[bug].some((rule) => rules.has(rule)), rules }).toMatchObject({
        isFound: true,
      });
    }
  });

  it('counts what was lost and what was undone', () => {
    const { lost, undone } = ['lost task', 'completion undone'].reduce(
      (sums, bug) => {
        const { figures } = judged(new Simulation({ seed: 1, bug: bug as Bug }).run());
        return { lost: sums.lost + figures.lost, undone: sums.undone + figures.undone };
      },
      { lost: 0, undone: 0 },
    );
    expect(lost).toBeGreaterThan(0);
    expect(undone).toBeGreaterThan(0);
  });

  it.each<[Bug, boolean]>([
    ['lost task', false],
    ['completion undone', false],
    ['two holders', false],
    ['false empty', false],
    ['phantom', true],
    ['payload changed', true],
    ['token reused', true],
    ['stale completion accepted', true],
    ['never redelivered', true],
  ])('of tasks whose writes may be undone, finds the bug "%s": %s', (bug, isFound) => {
    const { operations } = new Simulation({ seed: 1, bug }).run();
    const foundBy = (losesFrom: number) => {
      const faults = [{ kind: 'loss', t0: 0, t1: Infinity, losesFrom }];
      return new Set(judged({ operations, faults }).violations.map(({ rule }) => rule));
    };
    expect(FOUND_BY[bug].some((rule) => foundBy(-Infinity).has(rule))).toBe(isFound);
    // What is older than the loss has no such excuse.
    expect(FOUND_BY[bug].some((rule) => foundBy(Infinity).has(rule))).toBe(true);
  });

  it.each([
    ['ran out during a fault', 50],
    ['ran out so shortly before a fault that nobody had time to notice', 150],
  ])('gives a delay that %s until a little after it, and no longer', (_, brokenAt) => {
    const rules = (at: number): string[] => {
      const { history } = small({ delayMs: 100 });
      history.operations.push({ ...EMPTY_POLL, t0: at, t1: at + 1 });
      history.faults.push({ kind: 'stop', t0: brokenAt, t1: 500 });
      return judged(history).violations.map(({ rule }) => rule);
    };
    expect(rules(2_540)).toEqual([]);
    expect(rules(2_560)).toEqual(['INV-09']);
  });

  it.each([
    ['a moment to be noticed', []],
    ['no more than that for a fault that began later', [{ kind: 'stop', t0: 2_130, t1: 2_500 }]],
  ])('gives a delay that is over %s', (_, faults) => {
    const rules = (at: number): string[] => {
      const { history } = small({ delayMs: 100 });
      history.operations.push({ ...EMPTY_POLL, t0: at, t1: at + 1 });
      history.faults.push(...faults);
      return checkHistory(history, { hasFaults: false }).violations.map(({ rule }) => rule);
    };
    expect(rules(2_150)).toEqual([]);
    expect(rules(2_170)).toEqual(['INV-09']);
  });

  it('takes no lease for stale because its number is lower than one that was lost', () => {
    const reports = (completedAt: number): string[] => {
      const { history, lease, complete } = small({ losesFrom: 0 });
      history.operations.push(lease(1, 'a', 1_000), lease(2, 'b', 2_000), lease(1, 'c', 3_000));
      history.operations.push(complete('c', completedAt));
      if (completedAt > 5_000) history.operations.push(lease(2, 'd', 5_000));
      return judged(history).violations.map(({ rule }) => rule);
    };
    expect(reports(3_500)).toEqual([]);
    expect(reports(5_500)).toContain('INV-06');
  });

  it('wants a claim with an id to be told the same again, as long as it holds it', () => {
    const rules = (second: readonly string[], completedAt?: number): string[] => {
      const { history, complete } = small({});
      const asked = (tokens: readonly string[], t0: number): Operation => {
        const grants = tokens.map((token) => ({ id: 'x', token, attempt: 1, leaseMs: 10_000, hash: 'h' }));
        return { ...EMPTY_POLL, claimId: 'c', grants, t0, t1: t0 + 1 };
      };
      history.operations.push(asked(['a'], 100), asked(second, 200));
      if (completedAt !== undefined) history.operations.push(complete('a', completedAt));
      return judged(history).violations.map(({ rule }) => rule);
    };
    expect(rules(['a'])).toEqual([]);
    expect(rules([])).toEqual(['INV-23']);
    expect(rules([], 150)).toEqual([]);
    expect(rules(['b'])).toContain('INV-05');
    expect(rules(['a', 'b'])).toContain('INV-23');
  });

  it('refuses a run that proves nothing', () => {
    const sound = new Simulation({ seed: 1 }).run();
    const { operations } = sound;
    const reasons = (history: History) => judged(history).invalid;
    expect(reasons({ operations: [], faults: [] })).toEqual(
      expect.arrayContaining(['nothing was enqueued', 'nothing was leased', 'no fault took effect']),
    );
    expect(reasons({ operations, faults: [] })).toEqual(['no fault took effect']);
    const unread = operations.filter((operation) => operation.f !== 'get');
    expect(reasons({ ...sound, operations: unread })).toEqual([
      expect.stringMatching(/^\d+ tasks were not read at the end$/),
    ]);
    const refused = operations.map((operation, index) =>
      operation.f === 'enqueue' && index % 2 === 0 ? { ...operation, res: 'fail' as const } : operation,
    );
    const faults = [{ kind: 'none', t0: -2, t1: -1 }];
    expect(reasons({ operations: refused, faults })).toContainEqual(
      expect.stringMatching(/^outside faults only \d+ % was acknowledged$/),
    );
  });
});

describe('resultOf', () => {
  it.each([
    [200, undefined, 'ok'],
    [201, undefined, 'ok'],
    [404, undefined, 'fail'],
    [409, undefined, 'fail'],
    [429, undefined, 'fail'],
    [503, false, 'fail'],
    [503, 'unknown', 'info'],
    [503, undefined, 'info'],
    [500, undefined, 'info'],
    [undefined, undefined, 'info'],
  ])('takes an answer %s with applied %s for %s', (status, applied, result) => {
    expect(resultOf(status, applied)).toBe(result);
  });
});

describe('HistoryRecorder', () => {
  it('times what it is given by one clock', () => {
    let now = 10;
    const recorder = new HistoryRecorder(() => now);
    now = 15;
    recorder.add(10, { f: 'cancel', id: 'a', res: 'ok' }, { f: 'cancel', id: 'b', res: 'info' });
    now = 20;
    recorder.healed('kill', 15);
    expect(recorder.operations).toEqual([
      { f: 'cancel', id: 'a', res: 'ok', t0: 10, t1: 15 },
      { f: 'cancel', id: 'b', res: 'info', t0: 10, t1: 15 },
    ]);
    expect(recorder.faults).toEqual([{ kind: 'kill', t0: 15, t1: 20 }]);
  });
});
