import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type TestApp } from '../support/test-app.js';

const KILLS = 10;
const STEPS = 40;

describe.each([
  ['TypeScript', process.execPath, 'test/support/steps.worker.mjs'],
  ['Python', 'python3', 'test/support/steps.worker.py'],
])('a task of 40 steps whose worker in %s is killed ten times', (_, program, script) => {
  let folder: string;
  let service: TestApp;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'crucible-steps-'));
    service = await startTestApp();
  });

  afterAll(async () => {
    await service.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs one worker until it ends; returns the signal that killed it. */
  async function work(file: string): Promise<unknown> {
    const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' };
    const child = spawn(program, [script, service.url, file], { env, stdio: 'inherit' });
    const [, signal] = await once(child, 'exit');
    return signal;
  }

  it('runs no step more than twice, and ends', async () => {
    const file = join(folder, 'steps');
    const task = { eval_id: 'steps', code: 'x', max_interruptions: KILLS };
    await service.call('POST', '/tasks', { body: task });
    for (let kill = 0; kill < KILLS; kill += 1) {
      expect(await work(file)).toBe('SIGKILL');
      // The lease of 30 s ends, and then the backoff.
      for (let pass = 0; pass < 2; pass += 1) {
        service.clock.advanceSeconds(600);
        await service.sweep();
      }
    }
    expect(await work(file)).toBeNull();
    const runs = new Map<string, number>();
    for (const step of readFileSync(file, 'utf8').trim().split('\n'))
      runs.set(step, (runs.get(step) ?? 0) + 1);
    expect(runs.size).toBe(STEPS);
    expect(Math.max(...runs.values())).toBe(2);
    expect((await service.call('GET', '/tasks/steps')).body).toMatchObject({
      status: 'completed',
      attempt: KILLS + 1,
      interruptions: KILLS,
    });
  }, 120_000);
});
