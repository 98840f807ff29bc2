/**
 * `npm test` and `npm run check`: everything that must be true before a change lands.
 *
 * Sets up a fresh clone (unless `--no-setup`), runs the static checks and the tests, and always ends with one plain
 * line `N passed, N failed`: the tests that passed, and the tests and checks that failed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages, ensureSystemPackages, ROOT } from './lib/workspace.mjs';

/** One after the other, beside the tests, which often wait. All run, so that one run shows all there is to repair. */
const CHECKS = ['types', 'lint', 'format:check', 'types:python', 'docs:check', 'docs:lint', 'depcruise'];
/** Three files and a check keep two cores busy. */
const TEST_WORKERS = 3;
const STEP_LIMIT_MS = 40 * 60_000;
/** When the results are there and jest has not ended by then, a test has left something open. */
const EXIT_LIMIT_MS = 30_000;

const failures = [];
const running = new Set();

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    running.forEach(killGroup);
    process.exit(summary({ setup: `ended by ${signal}` }));
  });
}

/** Runs an npm script; its output is shown when it has ended, so that it does not mix with that of the tests. */
async function step(script, options) {
  const startedAt = performance.now();
  const { code, output } = await npmRun(script, 'pipe', options);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${script} (${seconds} s)`);
  if (code === 0) return;
  failures.push(script);
  console.log(output.trimEnd());
}

/** `onTick` is called every second with a function that ends the run. A script with `yields` leaves the processor to others. */
function npmRun(script, stdout, { args = [], onTick, yields = false } = {}) {
  const child = spawn('npm', ['run', '--silent', script, ...args], {
    cwd: ROOT,
    stdio: ['ignore', stdout, stdout],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    detached: true,
  });
  running.add(child);
  // `pid` is absent when npm could not be started.
  if (yields && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  return new Promise((resolve) => {
    const chunks = [];
    const stop = () => killGroup(child);
    const limit = setTimeout(stop, STEP_LIMIT_MS);
    const ticking = setInterval(() => onTick?.(stop), 1000);
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const end = (code, output = Buffer.concat(chunks).toString()) => {
      running.delete(child);
      clearTimeout(limit);
      clearInterval(ticking);
      resolve({ code, output });
    };
    child.on('error', (error) => end(1, error.message));
    child.on('close', (code) => end(code ?? 1));
  });
}

/** npm, the shell and the tool are one process group. */
function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function runJest() {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-test-'));
  const file = join(folder, 'results.json');
  let ticksSinceResults = 0;
  let isStuck = false;
  const onTick = (stop) => {
    if (existsSync(file)) ticksSinceResults += 1;
    if (isStuck || ticksSinceResults * 1000 < EXIT_LIMIT_MS) return;
    isStuck = true;
    stop();
  };
  const args = ['--', `--maxWorkers=${TEST_WORKERS}`, '--ci', '--json', `--outputFile=${file}`];
  const { code } = await npmRun('jest', 'inherit', { args, onTick });
  const results = readResults(file);
  rmSync(folder, { recursive: true, force: true });
  const { passed, failed } = results;
  if (isStuck) failures.push('jest did not end: a test left a server, a socket or a timer open');
  else if (code !== 0 && failed === 0) failures.push('jest crashed, or ran no test');
  else if (passed + failed === 0) failures.push('jest ran no test');
  return results;
}

/** Absent or half a file: jest itself has crashed. */
function readResults(file) {
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    return {
      passed: results.numPassedTests,
      failed,
      skipped: results.numPendingTests + results.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

async function main() {
  const isFresh = !process.argv.includes('--no-setup');
  if (isFresh && !ensurePackages()) return summary({ setup: 'the packages could not be installed' });
  if (isFresh && !ensureSystemPackages()) return summary({ setup: 'the tests lack a program' });
  await step('build');
  const [results] = await Promise.all([runJest(), runChecks()]);
  return summary(results);
}

async function runChecks() {
  for (const script of CHECKS) await step(script, { yields: true });
}

/** Prints the last line and gives the exit code. */
function summary({ setup, passed = 0, failed = 0, skipped = 0 }) {
  if (setup) failures.push(setup);
  if (failures.length > 0) console.log(`\nFailed: ${failures.join(', ')}`);
  const allFailed = failed + failures.length;
  console.log(`${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return allFailed === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error) => {
  console.error(error);
  return summary({ setup: 'scripts/test.mjs' });
});
