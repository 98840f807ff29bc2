/**
 * Runs inside the sandbox. It has the lease of one attempt and nothing else: no API key, no client library.
 *
 * - Runs the code from standard input with `$SANDBOX_PROGRAM` (default: `python3 -`), for `QUEUE_TIMEOUT` seconds at most.
 * - Streams what the code prints to the log of the attempt.
 * - Sends heartbeats, and kills the code when the lease is lost or the task is cancelled.
 * - Stores the files that the code leaves in `$CRUCIBLE_ARTIFACTS`, and reports how it ended.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

const { QUEUE_URL, QUEUE_EVAL_ID, QUEUE_LEASE_ID, QUEUE_TIMEOUT = '60' } = process.env;
const { SANDBOX_PROGRAM = 'python3 -', PATH } = process.env;
const TASK = `${QUEUE_URL}/tasks/${encodeURIComponent(QUEUE_EVAL_ID)}`;
/** A part of the log is sent after this many bytes, or this many milliseconds. */
const LOG_BYTES = 65_536;
const LOG_MS = 500;
/** The end of the output that is also the task's output, or its error. */
const TAIL_BYTES = 8_192;
const HEARTBEAT_MS = 10_000;

/** The service refused a call of this lease. */
class Refused extends Error {}

/** Repeats a call until the service answers; every call here can be sent twice. */
async function call(method, path, { body, json, headers, open: openBody } = {}) {
  for (let pause = 250; ; pause = Math.min(pause * 2, 5_000)) {
    const content = json === undefined ? body : JSON.stringify(json);
    const type = json === undefined ? 'application/octet-stream' : 'application/json';
    const init = {
      method,
      duplex: 'half',
      headers: { 'X-Lease-Id': QUEUE_LEASE_ID, 'Content-Type': type, ...headers },
    };
    const response = await fetch(TASK + path, { ...init, body: openBody?.() ?? content }).catch(
      () => undefined,
    );
    const answer = await response?.json().catch(() => undefined);
    if (response?.ok && answer !== undefined) return answer;
    if (response !== undefined && response.status < 500 && ![408, 429].includes(response.status)) {
      throw new Refused(`${method} ${path}: ${answer?.code ?? response.status}`);
    }
    await delay(pause);
  }
}

/** Sends the log in parts, one after the other. `offset` makes a repeated part harmless. */
class Log {
  waiting = [];
  sent = 0;
  isOff = false;
  sending = Promise.resolve();

  add(chunk) {
    this.waiting.push(chunk);
    if (this.waiting.reduce((sum, { length }) => sum + length, 0) >= LOG_BYTES) this.flush();
  }

  flush() {
    const bytes = Buffer.concat(this.waiting.splice(0));
    if (bytes.length === 0 || this.isOff) return this.sending;
    const offset = this.sent;
    this.sent += bytes.length;
    this.sending = this.sending
      .then(() => call('POST', `/log?offset=${offset}`, { body: bytes }))
      .catch(() => {
        // Logs are turned off, or the lease is lost, which the heartbeat notices.
        this.isOff = true;
      });
    return this.sending;
  }
}

/** Runs the code in a process group of its own. */
async function run(code, directory, log) {
  const [program, ...args] = SANDBOX_PROGRAM.split(' ');
  const child = spawn(program, args, {
    cwd: directory,
    // The code does not get the lease: it could end its own task.
    env: { PATH, HOME: directory, CRUCIBLE_ARTIFACTS: directory },
    detached: true,
  });
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  let stopped;
  const stop = (why) => {
    stopped ??= why;
    kill();
  };
  const timer = setTimeout(() => stop('timeout'), Number(QUEUE_TIMEOUT) * 1000);
  const flushing = setInterval(() => void log.flush(), LOG_MS);
  const beating = setInterval(() => {
    call('POST', '/heartbeat', { json: {} }).catch(() => stop('lost'));
  }, HEARTBEAT_MS);
  let tail = Buffer.alloc(0);
  const take = (chunk) => {
    log.add(chunk);
    tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.on('error', () => undefined);
  child.stdin.end(code);
  const exit = await new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (status, signal) => resolve(status ?? constants.signals[signal] + 128));
  });
  kill();
  for (const end of [timer, flushing, beating]) clearTimeout(end);
  await delay(0);
  await log.flush();
  return { exit, stopped, text: tail.toString() };
}

/** Links are not followed: they could name files outside the directory. */
async function storeArtifacts(directory) {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = (await import('node:fs')).constants;
  for (const name of await readdir(directory)) {
    const file = await open(join(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
    if (file === undefined) continue;
    const isFile = (await file.stat()).isFile();
    const read = () => Readable.toWeb(file.createReadStream({ autoClose: false, start: 0 }));
    if (isFile) await call('PUT', `/artifacts/${encodeURIComponent(name)}`, { open: read });
    await file.close();
  }
}

const directory = await mkdtemp(join(tmpdir(), 'sandbox-'));
try {
  const log = new Log();
  const { exit, stopped, text } = await run(await buffer(process.stdin), directory, log);
  if (stopped !== 'lost') {
    await storeArtifacts(directory);
    if (stopped === 'timeout') await call('POST', '/fail', { json: { error: text, cause: 'timeout' } });
    else if (exit !== 0) await call('POST', '/fail', { json: { error: text, exit_code: exit } });
    else await call('POST', '/complete', { json: { output: { text } } });
  }
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  // The lease is lost: another attempt has the task.
  console.error(error.message);
} finally {
  await rm(directory, { recursive: true, force: true });
}
