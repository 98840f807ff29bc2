import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endServer, endWithParent } from '../support/server-process.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

interface TaskAnswer {
  readonly status: string;
  readonly worker_id: string;
}

let directory: string;
let service: ServiceProcess;
let worker: ChildProcess;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-worker-'));
  service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data'), API_KEY: 'a-key-for-this-test' });
  const env = { PATH: process.env.PATH, QUEUE_URL: service.url, QUEUE_API_KEY: 'a-key-for-this-test' };
  worker = spawn('python3', ['-u', 'deploy/worker/worker.py'], {
    env: { ...env, WORKER_ID: 'example' },
    stdio: 'ignore',
  });
  endWithParent(worker);
}, 60_000);

afterAll(async () => {
  await endServer(worker, 'SIGKILL');
  await service.stop();
  rmSync(directory, { recursive: true });
}, 30_000);

async function ask(path: string, body?: object): Promise<unknown> {
  const headers = { 'X-API-Key': 'a-key-for-this-test', 'Content-Type': 'application/json' };
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${service.url}${path}`, init);
  return answer.json();
}

async function run(task: object): Promise<TaskAnswer> {
  const { eval_id: id } = (await ask('/tasks', task)) as { eval_id: string };
  return (await ask(`/tasks/${id}?wait=20`)) as TaskAnswer;
}

describe('deploy/worker/worker.py', () => {
  it('runs the code and reports what it printed', async () => {
    expect(await run({ eval_id: 'good', code: 'print(6 * 7)' })).toMatchObject({
      status: 'completed',
      worker_id: 'example',
    });
    expect(await ask('/tasks/good/output')).toEqual({ stdout: '42\n' });
  });

  it('reports what went wrong, and code that runs for too long', async () => {
    expect(await run({ eval_id: 'bad', code: 'raise SystemExit("no")' })).toMatchObject({ status: 'failed' });
    expect(await ask('/tasks/bad/attempts')).toMatchObject({
      attempts: [{ outcome: 'failed', error: 'no\n', exit_code: 1 }],
    });
    expect(await run({ eval_id: 'slow', code: 'import time; time.sleep(60)', timeout: 1 })).toMatchObject({
      status: 'failed',
    });
  });

  it('finishes what it has when it is told to stop', async () => {
    await ask('/tasks', { eval_id: 'last', code: 'import time; time.sleep(1); print("done")' });
    const isClaimed = async (): Promise<boolean> =>
      ((await ask('/tasks/last')) as TaskAnswer).status !== 'queued';
    await until(isClaimed);
    const ended = once(worker, 'exit');
    worker.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(await ask('/tasks/last')).toMatchObject({ status: 'completed' });
  });
});
