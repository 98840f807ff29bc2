/**
 * `npm run rehearse:image`: what the Dockerfile does, without Docker.
 *
 * Clones HEAD into an empty folder, installs, builds and prunes as the build stage does, copies what the image would
 * have, starts it with the environment of the image and nothing else, runs the image's own health check, sends
 * SIGTERM and expects exit code 0. As root the server runs as process 1 of its own process namespace, as in a
 * container. What it cannot show: the base image, the user `node`, and the volume's owner.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, run } from './lib/workspace.mjs';

const HEALTHY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;

function must(isDone, what) {
  if (!isDone) throw new Error(`Failed: ${what}`);
  console.log(`ok: ${what}`);
}

function buildStage(folder) {
  must(run('git', ['clone', '--quiet', '--depth=1', `file://${ROOT}`, folder]), 'clone HEAD');
  const npm = (...args) => must(run('npm', args, { cwd: folder }), `npm ${args.join(' ')}`);
  npm('ci', '--no-progress');
  npm('run', '--silent', 'build');
  npm('prune', '--omit=dev', '--no-progress');
}

function runtimeStage(from, to) {
  mkdirSync(to);
  for (const name of ['package.json', 'LICENSE', 'NOTICE', 'node_modules', 'dist']) {
    cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** Gives the child that was spawned and the process id of the server in it. */
async function start(cwd, env) {
  const isRoot = process.getuid?.() === 0;
  const command = isRoot
    ? ['unshare', '--pid', '--fork', '--kill-child', process.execPath]
    : [process.execPath];
  const program = ['--max-semi-space-size=32', 'dist/main.js'];
  const child = spawn(command[0], [...command.slice(1), ...program], { cwd, env, stdio: 'inherit' });
  await once(child, 'spawn');
  console.log(isRoot ? 'started as process 1 of its own namespace' : 'started as an ordinary process');
  if (!isRoot) return { child, pid: child.pid };
  for (;;) {
    const inner = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    if (inner !== '') return { child, pid: Number(inner) };
    await delay(20);
  }
}

function healthCheck(cwd, env) {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const [, command] = /^HEALTHCHECK[^[]*CMD (\[.*\])$/m.exec(dockerfile);
  const [, ...args] = JSON.parse(command);
  return spawnSync(process.execPath, args, { cwd, env }).status === 0;
}

async function becomesHealthy(cwd, env) {
  const end = performance.now() + HEALTHY_WITHIN_MS;
  while (performance.now() < end) {
    if (healthCheck(cwd, env)) return true;
    await delay(200);
  }
  return false;
}

async function rehearse(folder) {
  const image = join(folder, 'image');
  buildStage(join(folder, 'build'));
  runtimeStage(join(folder, 'build'), image);
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    DATA_DIR: join(folder, 'data'),
  };
  mkdirSync(env.DATA_DIR);
  const { child, pid } = await start(image, env);
  try {
    const ended = once(child, 'exit');
    must(await becomesHealthy(image, env), 'the health check of the Dockerfile succeeds');
    process.kill(pid, 'SIGTERM');
    const [code] = await Promise.race([ended, delay(STOPPED_WITHIN_MS, ['no exit'], { ref: false })]);
    must(code === 0, `SIGTERM ends it with exit code 0 (${code})`);
  } finally {
    if (child.exitCode === null) process.kill(pid, 'SIGKILL');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'crucible-image-'));
try {
  await rehearse(folder);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
