/**
 * `npm run test:retention -- [--store embedded|redis] [--tasks 100000]`: ends tasks with logs and artifacts until they take
 * several times `RETENTION_MAX_BYTES`, in two waves, and then purges what is left, while it measures what others wait for,
 * as `test:clear` does. Exit code 0 when the artifacts on disk return to the limit, the store does not grow in the second
 * wave, the purge frees the artifacts, and nothing took longer than `--limit` (100 ms) while they were removed, not counting
 * waits for a processor.
 */
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { fill, Probe, send } from './probe.js';
import { Service } from './service.js';
import { StoreSite } from './store-site.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    tasks: { type: 'string', default: '100000' },
    log: { type: 'string', default: '4096' },
    artifact: { type: 'string', default: '65536' },
    every: { type: 'string', default: '20' },
    limit: { type: 'string', default: '100' },
  },
});
const WAVES = 2;
const TOGETHER = 16;
/** Growth of the store in the second wave that counts as none. */
const MOST_GROWTH = 1.25;
/** Milliseconds for several sweeps. */
const SWEEP_MS = 300_000;
const perWave = Math.ceil(Number(values.tasks) / WAVES);
const log = randomBytes(Number(values.log));
const artifact = randomBytes(Number(values.artifact));
const every = Number(values.every);
/** A quarter of what the artifacts of a wave take. */
const retention = Math.ceil((perWave / every) * (artifact.length / 4));
const limit = Number(values.limit);
const problems: string[] = [];

const site = await StoreSite.open(values.store);
const place = join(site.options.directory, 'artifacts');
const settings = { RETENTION_MAX_BYTES: String(retention), ARTIFACTS: place };
const service = await Service.start({ ...site.options, env: { ...site.options.env, ...settings } });

async function artifactBytes(): Promise<number> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile() && entry.name !== 'owner')
    .map(({ parentPath, name }) =>
      stat(join(parentPath, name)).then(
        ({ size }) => size,
        // The sweep came first.
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Bytes of the store: its file, or the memory of Redis. */
async function storeBytes(): Promise<number> {
  const { REDIS_URL: url } = site.options.env ?? {};
  if (url === undefined) return (await stat(join(site.options.directory, 'queue.mdb'))).size;
  const client = new Redis(url);
  const info = await client.info('memory');
  client.disconnect();
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

async function untilArtifacts(most: number): Promise<void> {
  const end = performance.now() + SWEEP_MS;
  while ((await artifactBytes()) > most && performance.now() < end) await delay(1_000);
  const left = await artifactBytes();
  if (left > most) problems.push(`The artifacts take ${left} bytes; ${most} were expected`);
}

interface Claimed {
  readonly eval_id: string;
  readonly lease_id: string;
}

async function put(path: string, lease: string, method: string, body: Buffer): Promise<void> {
  const headers = { 'X-Lease-Id': lease, 'Content-Type': 'application/octet-stream' };
  const answer = await fetch(service.url + path, { method, headers, body });
  await answer.arrayBuffer();
  if (!answer.ok) problems.push(`${method} ${path} was answered ${answer.status}`);
}

/** Ends all tasks of a queue, each with a log, and some with an artifact. */
async function work(queue: string): Promise<void> {
  for (let number = 0; ;) {
    const claim = { worker_id: 'w', queues: [queue], max_tasks: 100, lease: 3_600 };
    const { tasks } = (await (await send(service, 'POST', '/tasks/claim', claim)).json()) as {
      tasks: Claimed[];
    };
    if (tasks.length === 0) return;
    const rest = [...tasks];
    const one = async () => {
      for (let task = rest.pop(); task !== undefined; task = rest.pop()) {
        const { eval_id: id, lease_id: lease } = task;
        number += 1;
        const hasArtifact = number % every === 0;
        await put(`/tasks/${id}/log?offset=0`, lease, 'POST', log);
        if (hasArtifact) await put(`/tasks/${id}/artifacts/report`, lease, 'PUT', artifact);
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, one));
    const results = tasks.map((task) => ({ ...task, status: 'completed' }));
    const answer = await send(service, 'POST', '/tasks/complete', { results });
    await answer.arrayBuffer();
    if (!answer.ok) problems.push(`A bulk report was answered ${answer.status}`);
  }
}

/** @param limitMs of what others wait for */
async function during(name: string, limitMs: number, act: () => Promise<void>): Promise<void> {
  const probe = new Probe(service, name, site.pids);
  const began = performance.now();
  try {
    await act();
  } finally {
    await probe.stop();
  }
  console.log(`${name}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  problems.push(...probe.report(limitMs));
  console.log(`${name}: ${await artifactBytes()} bytes of artifacts, ${await storeBytes()} of the store`);
}

try {
  console.log(`RETENTION_MAX_BYTES=${retention}`);
  const sizes: number[] = [];
  for (let wave = 1; wave <= WAVES; wave += 1) {
    await during(`wave ${wave}`, Infinity, async () => {
      const queue = `filled-${wave}`;
      await fill(service, { prefix: queue, count: perWave, batch: 1_000, fields: () => ({ queue }) });
      await work(queue);
    });
    await during(`the retention after wave ${wave}`, limit, () => untilArtifacts(retention));
    sizes.push(await storeBytes());
  }
  const [first = 0, second = 0] = sizes;
  if (second > first * MOST_GROWTH) problems.push(`The store grew from ${first} to ${second} bytes`);
  await during('purge', limit, async () => {
    await (await send(service, 'DELETE', '/tasks?status=completed')).arrayBuffer();
    await untilArtifacts(0);
  });
} finally {
  await service.kill();
  await site.close();
}
for (const problem of problems.slice(0, 20)) console.log(`BROKEN ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
