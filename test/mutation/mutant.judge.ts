import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './lua.mutants.js';
import { luaPathsOf } from './lua.paths.js';
import type { SuitePlan, SuiteResult } from './suite.plan.js';
import { TestOrder } from './test.order.js';

const DRIVER = [
  'clears',
  'commands',
  'events',
  'full',
  'id-uniqueness',
  'names',
  'record',
  'scripts',
  'steps',
  'two-instances',
  'versions',
];
/** The contract first: it is what should find mutants. */
const FILES = [
  'test/contract/redis.test.js',
  ...DRIVER.map((name) => `test/unit/storage/redis/${name}.test.js`),
];
/** Of the model. */
const RUNS = 15;

/** What the compiler makes for a run. */
const COMPILED = 'dist-test';
const COPIED = ['src', 'test'];
/** A process that is mute for so long does nothing but run in a circle: each test has a limit of its own. */
const LIMIT_MS = 3_600_000;

/** Runs the tests of the store on a copy of the compiled sources, in which it changes one script at a time. */
export class MutantJudge {
  private constructor(
    private readonly root: string,
    private readonly directory: string,
    private readonly paths: ReadonlyMap<string, string>,
  ) {}

  static async open(root: string): Promise<MutantJudge> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-lua-'));
    for (const name of COPIED)
      await cp(join(root, COMPILED, name), join(directory, name), { recursive: true });
    for (const name of ['package.json', 'package-lock.json'])
      await cp(join(root, name), join(directory, name));
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    await mkdir(join(directory, 'tmp'));
    return new MutantJudge(root, directory, await luaPathsOf(root));
  }

  /**
   * Runs all tests with the scripts as they are.
   *
   * @throws Error when one fails
   */
  async order(): Promise<TestOrder> {
    const first = await this.runWhole([]);
    // Once more in the order of a mutant, in which they must pass as well.
    const order = new TestOrder(first.tookMs);
    await this.runWhole(order.for(''));
    return order;
  }

  /** The test that found the mutant; `undefined` when it survived. */
  async judge({ file, source }: Mutant, order: TestOrder): Promise<string | undefined> {
    const path = this.paths.get(file) ?? '';
    await writeFile(join(this.directory, path), source);
    try {
      const test = await this.firstFailure(order, order.for(file));
      if (test !== undefined) order.found(file, test);
      return test;
    } finally {
      await cp(join(this.root, path), join(this.directory, path));
    }
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  /** A test that failed slowly is asked again, alone: a busy machine must not pass for a mutant that was found. */
  private async firstFailure(order: TestOrder, tests: readonly string[]): Promise<string | undefined> {
    const { limitsMs } = order;
    const result = await this.run({ files: FILES, order: tests, limitsMs });
    const test = result.failure?.test;
    if (test === undefined || !order.isDoubtful(result)) return test;
    const again = await this.run({ files: FILES, order: [test], limitsMs });
    if (again.failure !== undefined) return test;
    return this.firstFailure(
      order,
      tests.filter((each) => each !== test),
    );
  }

  private async runWhole(order: readonly string[]): Promise<SuiteResult> {
    const result = await this.run({ files: FILES, order, limitsMs: {} });
    if (result.failure === undefined) return result;
    throw new Error(`Without a mutant fails ${result.failure.test}: ${result.failure.message}`);
  }

  private async run(plan: SuitePlan): Promise<SuiteResult> {
    const tests = fork('test/mutation/suite.program.js', {
      cwd: this.directory,
      execArgv: [],
      env: {
        ...process.env,
        TMPDIR: join(this.directory, 'tmp'),
        MODEL_RUNS: String(RUNS),
        MODEL_SHRINKS: 'no',
      },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: true,
    });
    const end = () => endGroup(tests.pid);
    process.once('exit', end);
    tests.send(plan);
    const limit = setTimeout(end, LIMIT_MS);
    const [message] = await Promise.race([once(tests, 'message'), once(tests, 'exit')]);
    clearTimeout(limit);
    process.removeListener('exit', end);
    // Servers too that were started and not stopped.
    end();
    return isResult(message) ? message : ENDED;
  }
}

/** The process ended, which no test of an unchanged script makes it do. */
const ENDED: SuiteResult = {
  failure: { test: 'process ended', tookMs: 0, isLate: false, message: 'The process ended without a result' },
  tookMs: {},
};

function isResult(message: unknown): message is SuiteResult {
  return typeof message === 'object' && message !== null;
}

/** A process and all that it has started. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
