/**
 * What a fresh clone lacks and how to get it. Plain Node without dependencies: this runs before `npm ci` did.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const DIST = join(ROOT, 'dist');
/** Written when a build has succeeded, so that a failed one is never taken for current. */
export const BUILD_STAMP = join(DIST, '.built');

/** Debian packages that the tests use, and the command that each brings. */
const SYSTEM_PACKAGES = [
  { command: 'redis-server', debian: 'redis-server' },
  { command: 'openssl', debian: 'openssl' },
  { command: 'chromium', debian: 'chromium' },
  { command: 'python3', debian: 'python3' },
  { command: 'curl', debian: 'curl' },
  { command: 'jq', debian: 'jq' },
  { command: 'mypy', debian: 'mypy' },
  { command: 'nginx', debian: 'nginx-light' },
  { command: 'promtool', debian: 'prometheus' },
];

/** Runs a command with its output shown; true when it succeeded. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (error) console.error(`Cannot run ${command}: ${error.message}`);
  return status === 0;
}

/** Whether node_modules holds what the lockfile says. File times would say so wrongly after a git checkout. */
function arePackagesCurrent() {
  const installed = readLock(join(ROOT, 'node_modules/.package-lock.json'));
  if (!installed) return false;
  const wanted = Object.entries(readLock(join(ROOT, 'package-lock.json')) ?? {});
  return wanted.every(([path, { version, optional }]) => {
    if (path === '') return true;
    const present = installed[path];
    return present === undefined ? optional === true : present.version === version;
  });
}

function readLock(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** Installs the packages of the lockfile when they are missing; true when they are there. */
export function ensurePackages() {
  if (arePackagesCurrent()) return true;
  console.log('Installing packages (npm ci) …');
  // npm puts the settings of a surrounding `npm test --silent` into the environment; a failure must be seen.
  return run('npm', ['ci', '--loglevel=error', '--no-progress'], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Redis scripts are read as they are, beside the compiled sources. */
export function copyRedisScripts(compiled) {
  const source = join(ROOT, 'src/storage/redis');
  const target = join(compiled, 'storage/redis');
  // An incremental build leaves those that were moved or deleted.
  for (const path of luaBelow(target)) rmSync(join(target, path));
  for (const path of luaBelow(source)) cpSync(join(source, path), join(target, path));
}

function luaBelow(folder) {
  return readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.lua'));
}

function newestChange(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  const inside = readdirSync(path).map((name) => newestChange(join(path, name)));
  return Math.max(mtimeMs, ...inside);
}

function isBuildCurrent() {
  if (!existsSync(BUILD_STAMP)) return false;
  const builtAt = statSync(BUILD_STAMP).mtimeMs;
  const sources = ['src', 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs'];
  return sources.every((path) => newestChange(join(ROOT, path)) <= builtAt);
}

/** Builds when dist is missing or older than its sources; true when it is there. */
export function ensureBuild() {
  if (isBuildCurrent()) return true;
  console.log('Building …');
  return run(process.execPath, [join(ROOT, 'scripts/build.mjs')]);
}

/** Installs what the tests need from Debian, as root; else says what to install. True when all is there. */
export function ensureSystemPackages() {
  const missing = SYSTEM_PACKAGES.filter(({ command }) => !isOnPath(command)).map(({ debian }) => debian);
  if (missing.length === 0) return true;
  const hint = `The tests need ${missing.join(' and ')}; install: apt-get install ${missing.join(' ')}`;
  const canInstall = process.getuid?.() === 0 && isOnPath('apt-get');
  if (!canInstall) {
    console.error(hint);
    return false;
  }
  console.log(`Installing ${missing.join(', ')} (apt-get) …`);
  const isInstalled = withoutServiceStarts(() => aptInstall(missing));
  if (!isInstalled) console.error(hint);
  return isInstalled;
}

function isOnPath(command) {
  const directories = (process.env.PATH ?? '').split(':');
  return [...directories, '/usr/sbin', '/sbin'].some((directory) => existsSync(join(directory, command)));
}

function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'inherit', 'inherit'] };
  const install = ['install', '-y', '-qq', '-o', 'Dpkg::Use-Pty=0', '--no-install-recommends', ...packages];
  return run('apt-get', ['update', '-qq'], options) && run('apt-get', install, options);
}

/** The tests start servers of their own on free ports, so none that a package brings may start. */
function withoutServiceStarts(install) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy);
  }
}
