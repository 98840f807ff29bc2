import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RedisServer } from '../support/redis-server.js';
import { settingsAt } from '../support/store-surroundings.js';
import { ServiceProcess } from '../support/service-process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let redis: RedisServer;
let directory: string;

beforeAll(async () => {
  redis = await RedisServer.start();
  directory = mkdtempSync(join(tmpdir(), 'crucible-copy-'));
});

afterAll(async () => {
  await redis.stop();
  rmSync(directory, { recursive: true });
});

/** Runs what `npm run store:copy` runs. The service that was started before has built it. */
function copy(from: string, to: string, dataDirectory: string) {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['dist/cli/store-copy.js', '--from', from, '--to', to],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...settingsAt(redis), PATH: process.env.PATH, DATA_DIR: join(directory, dataDirectory) },
    },
  );
  return { status, stdout };
}

async function withService<T>(
  env: Readonly<Record<string, string>>,
  use: (call: (method: string, path: string, body?: object) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const service = await ServiceProcess.start(env);
  try {
    return await use(async (method, path, body) => {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetch(service.url + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
      });
      return response.json();
    });
  } finally {
    await service.stop();
  }
}

describe('store:copy', () => {
  it('moves a service from the embedded store to Redis and back, with all its tasks', async () => {
    const first = join(directory, 'first');
    const before = await withService({ DATA_DIR: first }, async (call) => {
      for (let number = 0; number < 30; number += 1) {
        const code = `print(${number})`;
        await call('POST', '/tasks', { eval_id: `t-${number}`, code, priority: number % 3, max_attempts: 2 });
      }
      await call('POST', '/tasks/claim', { worker_id: 'w', max_tasks: 3, claim_id: 'c' });
      await call('POST', '/tasks/t-2/complete', { output: { answer: [] } });
      await call('POST', '/tasks/t-5/fail', { error: 'exit 1', retry_after: 600 });
      return call('GET', '/tasks');
    });

    expect(copy('embedded', 'redis', 'first')).toEqual({
      status: 0,
      stdout: '30 tasks: 30 copied, 0 already present\n',
    });
    expect(copy('embedded', 'redis', 'first').stdout).toBe('30 tasks: 0 copied, 30 already present\n');

    await withService(settingsAt(redis), async (call) => {
      expect(await call('GET', '/tasks')).toMatchObject({ tasks: (before as { tasks: unknown[] }).tasks });
      expect(await call('GET', '/tasks/t-2/output')).toEqual({ answer: [] });
      expect(await call('GET', '/tasks/t-5/attempts')).toMatchObject({ attempts: [{ error: 'exit 1' }] });
      expect(await call('GET', '/tasks/next')).toMatchObject({ eval_id: 't-11', code: 'print(11)' });
      await call('POST', '/tasks/t-11/complete');
    });

    expect(copy('redis', 'embedded', 'second')).toEqual({
      status: 0,
      stdout: '30 tasks: 30 copied, 0 already present\n',
    });
    await withService({ DATA_DIR: join(directory, 'second') }, async (call) => {
      expect(await call('GET', '/status')).toMatchObject({ total_tasks: 30, completed: 2, queued: 26 });
      expect(await call('GET', '/tasks/next')).toMatchObject({ eval_id: 't-14' });
    });
  }, 180_000);

  it('says how it is used when it is used in another way', () => {
    expect(copy('embedded', 'embedded', 'first')).toEqual({ status: 2, stdout: '' });
    expect(copy('files', 'redis', 'first')).toEqual({ status: 2, stdout: '' });
  });
});
