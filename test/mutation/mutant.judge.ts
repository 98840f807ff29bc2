import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './lua.mutants.js';

/** Tests that a mutant has to pass, the likeliest to find it first. */
interface Stage {
  readonly name: string;
  readonly files: readonly string[];
  readonly modelRuns: number;
}

const DRIVER = [
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
const STAGES: readonly Stage[] = [
  { name: 'contract', files: ['test/contract/redis.test.js'], modelRuns: 0 },
  { name: 'driver', files: DRIVER.map((name) => `test/unit/storage/redis/${name}.test.js`), modelRuns: 0 },
  { name: 'model', files: ['test/contract/redis.test.js'], modelRuns: 15 },
];

/** What the compiler makes for a run. */
const COMPILED = 'dist-test';
const COPIED = ['src', 'test'];
const SCRIPTS = 'src/storage/redis/scripts';
/** Each test has a limit of its own, far below: a script that does not end is found by it. */
const LIMIT_MS = 300_000;

/** Runs the tests of the store on a copy of the compiled sources, in which it changes one script at a time. */
export class MutantJudge {
  private constructor(
    private readonly root: string,
    private readonly directory: string,
  ) {}

  /** @throws Error when a stage fails with the scripts as they are */
  static async open(root: string): Promise<MutantJudge> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-lua-'));
    const judge = new MutantJudge(root, directory);
    for (const name of COPIED)
      await cp(join(root, COMPILED, name), join(directory, name), { recursive: true });
    for (const name of ['package.json', 'package-lock.json'])
      await cp(join(root, name), join(directory, name));
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    await mkdir(join(directory, 'tmp'));
    for (const stage of STAGES) {
      const result = await judge.run(stage, 'inherit');
      if (result !== 'passed') throw new Error(`The stage ${stage.name} fails without a mutant`);
    }
    return judge;
  }

  /** The stage that found the mutant, with `(time)` when it took too long; `undefined` when it survived. */
  async judge({ file, source }: Mutant): Promise<string | undefined> {
    const path = join(SCRIPTS, file);
    await writeFile(join(this.directory, path), source);
    try {
      for (const stage of STAGES) {
        const result = await this.run(stage);
        if (result !== 'passed') return result === 'failed' ? stage.name : `${stage.name} (time)`;
      }
      return undefined;
    } finally {
      await cp(join(this.root, path), join(this.directory, path));
    }
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  private async run(
    { files, modelRuns }: Stage,
    stderr: 'ignore' | 'inherit' = 'ignore',
  ): Promise<'passed' | 'failed' | 'late'> {
    const tests = spawn(process.execPath, ['test/mutation/suite.program.js', ...files], {
      cwd: this.directory,
      env: { ...process.env, TMPDIR: join(this.directory, 'tmp'), MODEL_RUNS: String(modelRuns) },
      stdio: ['ignore', 'ignore', stderr],
      detached: true,
    });
    let isLate = false;
    const end = () => endGroup(tests.pid);
    const limit = setTimeout(() => {
      isLate = true;
      end();
    }, LIMIT_MS);
    process.once('exit', end);
    const [code] = await once(tests, 'exit');
    clearTimeout(limit);
    process.removeListener('exit', end);
    // Servers too that were started and not stopped.
    end();
    if (isLate || code === 2) return 'late';
    return code === 0 ? 'passed' : 'failed';
  }
}

/** A process and all that it has started. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
