import { fileOf, type SuiteResult } from './suite.plan.js';

/** Far beyond what a test takes when nothing is wrong, however busy the machine is meanwhile. */
const LIMIT = { leastMs: 60_000, times: 30 };
/** A failure that takes so long may be the machine's. */
const SLOW = { leastMs: 8_000, times: 4 };

/**
 * Which tests to run first, so that most mutants are found by one of the first: within a file those that found others of
 * the same script, then the quickest.
 */
export class TestOrder {
  private readonly finds = new Map<string, number>();

  /** @param tookMs what each test takes with the scripts as they are, in the order of the files */
  constructor(private readonly tookMs: Readonly<Record<string, number>>) {}

  get limitsMs(): Readonly<Record<string, number>> {
    const limits = Object.entries(this.tookMs).map(([test, ms]) => [test, LIMIT.leastMs + LIMIT.times * ms]);
    return Object.fromEntries(limits) as Record<string, number>;
  }

  for(script: string): readonly string[] {
    const { tookMs } = this;
    const tests = Object.keys(tookMs);
    const files = [...new Set(tests.map(fileOf))];
    const rankOf = (test: string) => [
      files.indexOf(fileOf(test)),
      -(this.finds.get(`${script} ${test}`) ?? 0),
      tookMs[test] ?? 0,
    ];
    const ranks = new Map(tests.map((test) => [test, rankOf(test)]));
    return tests.toSorted((a, b) => compare(ranks.get(a) ?? [], ranks.get(b) ?? []));
  }

  found(script: string, test: string): void {
    const key = `${script} ${test}`;
    this.finds.set(key, (this.finds.get(key) ?? 0) + 1);
  }

  /** Whether the same test has to fail once more before it counts. */
  isDoubtful({ failure }: SuiteResult): boolean {
    if (failure === undefined) return false;
    return failure.isLate || failure.tookMs > SLOW.leastMs + SLOW.times * (this.tookMs[failure.test] ?? 0);
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((each, index) => each !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
