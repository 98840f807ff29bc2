/** What a run of the tests of the store is told, and what it tells. Both go between two processes. */
export interface SuitePlan {
  /** Compiled, in the order in which they are loaded. */
  readonly files: readonly string[];
  /** Names of tests, the first to run first. Empty means all, as they stand in the files. */
  readonly order: readonly string[];
  /** Whoever takes longer hangs. A test that is not named here may take as long as it likes. */
  readonly limitsMs: Readonly<Record<string, number>>;
}

export interface SuiteResult {
  /** The first test that failed; after it nothing is run. */
  readonly failure: TestFailure | undefined;
  /** Of each test that passed. */
  readonly tookMs: Readonly<Record<string, number>>;
}

export interface TestFailure {
  readonly test: string;
  readonly tookMs: number;
  readonly isLate: boolean;
  readonly message: string;
}

/** Which file a test is in. */
export function fileOf(test: string): string {
  return test.slice(0, test.indexOf(' '));
}
