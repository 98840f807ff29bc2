import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reply } from './http.wire.js';
import { loadClient, LOAD_ENV } from './load.js';
import type { QueueClient } from './queue.client.js';
import { Service } from './service.js';

const LIMIT_MS = 180_000;
/** Of a task, so that few of them fill the disk. */
const CODE_BYTES = 100_000;
const WRITERS = 4;
/** Far more than fit. */
const MOST_TASKS = 1_000;
const ROOM_KIB = 2_048;
const EXIT_LIMIT_MS = 60_000;

interface Filled {
  readonly acknowledged: readonly string[];
  readonly completed: readonly string[];
  /** The answers to writes that hit the full disk, or came after it. */
  readonly refusals: readonly Reply[];
  /** What /readyz answered after the first refusal. */
  readonly readiness: Reply;
}

function clientOf({ port }: Service): QueueClient {
  return loadClient([port]);
}

/** Sends tasks, and completes some, until the first refusal; then asks whether the service is ready. */
async function fill(client: QueueClient): Promise<Filled> {
  const acknowledged: string[] = [];
  const completed: string[] = [];
  const refusals: Reply[] = [];
  let readiness: Promise<Reply> | undefined;
  const note = (reply: Reply) => {
    if (reply.status !== undefined && reply.status < 300) return true;
    refusals.push(reply);
    readiness ??= client.send('GET', '/readyz');
    return false;
  };
  const write = async (writer: number) => {
    for (let number = 0; number < MOST_TASKS && refusals.length === 0; number += 1) {
      const id = `w${writer}-${number}`;
      const code = String(number).repeat(CODE_BYTES).slice(0, CODE_BYTES);
      if (note(await client.send('POST', '/tasks', { eval_id: id, code }))) acknowledged.push(id);
      if (number % 3 !== 0) continue;
      const [grant] = refusals.length === 0 ? await client.next() : [];
      if (grant === undefined) continue;
      const { id: taken, token } = grant;
      const done = await client.send('POST', `/tasks/${taken}/complete`, { lease_id: token });
      if (note(done)) completed.push(taken);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  if (readiness === undefined) throw new Error('The disk was never full');
  return { acknowledged, completed, refusals, readiness: await readiness };
}

/** Nothing of what was acknowledged is missing, and work goes on. */
async function expectAllThere(service: Service, { acknowledged, completed }: Filled): Promise<void> {
  const client = clientOf(service);
  for (const id of acknowledged) {
    const { status, body } = await client.send('GET', `/tasks/${id}`);
    expect({ id, status }).toEqual({ id, status: 200 });
    if (completed.includes(id)) expect(body).toMatchObject({ eval_id: id, status: 'completed' });
  }
  const more = await client.send('POST', '/tasks', { eval_id: 'more', code: 'print(1)' });
  expect(more.status).toBe(201);
  client.close();
}

/** What the service must do on a full disk, and after it got room. */
async function expectFailStop(start: () => Promise<Service>, restart: () => Promise<Service>): Promise<void> {
  const service = await start();
  const client = clientOf(service);
  let restarted: Service | undefined;
  try {
    const filled = await fill(client);
    expect(filled.acknowledged.length).toBeGreaterThan(0);
    expect(filled.completed.length).toBeGreaterThan(0);
    // Whose write fails is chance: a request is told that its outcome is not known, or that it came too late.
    expect(filled.refusals.map(({ status }) => status)).toContain(503);
    for (const { status, body } of filled.refusals) {
      // The process ends soon; then there is no answer at all.
      if (status === undefined) continue;
      expect({ status, body }).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
      expect([false, 'unknown']).toContain((body as { applied?: unknown }).applied);
    }
    // Or it has ended already.
    expect([503, undefined]).toContain(filled.readiness.status);
    expect(await endOf(service)).toBe(1);
    expect(service.log).toContain('A commit failed; the store has stopped');
    // The lengths that lmdb never set made its report too long for its buffer, and damaged the heap.
    expect(service.log).not.toContain('buffer sizes');
    expect(service.log).not.toMatch(/^\s+at /m);
    restarted = await restart();
    await expectAllThere(restarted, filled);
  } finally {
    client.close();
    await service.kill();
    await restarted?.kill();
  }
}

/** How it ended by itself; `undefined` when it did not in a time that is generous for a busy machine. */
async function endOf(service: Service): Promise<number | NodeJS.Signals | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), EXIT_LIMIT_MS);
  });
  const end = await Promise.race([service.exited, late]);
  clearTimeout(timer);
  return end;
}

function run(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0;
}

const folder = mkdtempSync(join(tmpdir(), 'crucible-disk-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
const canMount = run('mount', '-t', 'tmpfs', '-o', `size=${ROOM_KIB}k`, 'tmpfs', disk);

afterAll(() => {
  if (canMount) run('umount', disk);
  rmSync(folder, { recursive: true, force: true });
});

describe('a disk without room', () => {
  it(
    'ends the service with a 503 and an exit code, and loses nothing, when a file may not grow (EFBIG)',
    async () => {
      const directory = join(folder, 'limited');
      const limit = ['bash', '-c', 'ulimit -f "$0" && exec "$@"', String(ROOM_KIB)];
      await expectFailStop(
        () => Service.start({ directory, env: LOAD_ENV, prefix: limit }),
        () => Service.start({ directory, env: LOAD_ENV }),
      );
    },
    LIMIT_MS,
  );

  // Only root may mount; the case above is the same path of the code with another error number.
  (canMount ? it : it.skip)(
    'does the same when the file system is full (ENOSPC; needs the right to mount)',
    async () => {
      await expectFailStop(
        () => Service.start({ directory: disk, env: LOAD_ENV }),
        async () => {
          expect(run('mount', '-o', 'remount,size=64m', disk)).toBe(true);
          return Service.start({ directory: disk, env: LOAD_ENV });
        },
      );
    },
    LIMIT_MS,
  );
});
