/** `npm run screenshots`: starts the built service, fills it, and writes pictures of the dashboard for the docs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TestBrowser } from '../support/browser.js';
import { type Caller, callerAt, fillWithTasks } from '../support/dashboard-tasks.js';
import { ServiceProcess } from '../support/service-process.js';

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly scheme?: 'dark';
}

const PICTURES: readonly Picture[] = [
  { name: 'overview', path: '/dashboard' },
  { name: 'overview-dark', path: '/dashboard', scheme: 'dark' },
  { name: 'tasks', path: '/dashboard/tasks' },
  { name: 'task-dark', path: '/dashboard/tasks/eval-2026-1005', scheme: 'dark' },
  { name: 'queue', path: '/dashboard/queues/gpu' },
  { name: 'dead-letters-dark', path: '/dashboard/dead-letters', scheme: 'dark' },
];

const directory = await mkdtemp(join(tmpdir(), 'crucible-pictures-'));
const service = await ServiceProcess.start({ DATA_DIR: directory });
const browser = await TestBrowser.start();
try {
  const call = callerAt(service.url);
  await fillWithTasks(call);
  await call('DELETE', '/tasks/hostile-1');
  await runTasks(call);
  await call('PATCH', '/queues/gpu', { max_concurrency: 4, rate_limit: { tasks: 10, per: 1 } });
  const target = process.argv[2] ?? 'docs/images';
  for (const { name, path, scheme = 'light' } of PICTURES) {
    const page = await browser.context.newPage();
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(service.url + path);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.screenshot({ path: join(target, `dashboard-${name}.png`) });
    await page.close();
  }
  for (const fault of browser.faults) console.log(fault);
} finally {
  await browser.close();
  await service.stop();
  await rm(directory, { recursive: true, force: true });
}

/** Runs tasks for a minute, so that the charts have curves. */
async function runTasks(call: Caller): Promise<void> {
  for (let round = 0; round < 120; round += 1) {
    const size = 2 + Math.round(2 * Math.sin(round / 12)) + (round % 3);
    const tasks = Array.from({ length: size }, (_, index) => ({
      ...{ eval_id: `eval-2026-${2000 + 10 * round + index}`, code: 'print(1)', timeout: 60 },
      ...{ queue: 'gpu', group: index % 2 === 0 ? 'vision' : 'speech' },
    }));
    if (size > 0) await call('POST', '/tasks/batch', { tasks });
    const claim = { worker_id: `gpu-node-${round % 4}`, queues: ['gpu'], max_tasks: 4 };
    const claimed = await call('POST', '/tasks/claim', claim);
    await pause(500);
    const results = (claimed.tasks as { eval_id: string; lease_id: string }[]).map(
      ({ eval_id, lease_id }, index) => {
        const isFailed = (round + index) % 23 === 0;
        const result = isFailed
          ? { status: 'failed', error: 'MemoryError: container used 512 MiB of 512 MiB', cause: 'oom' }
          : { status: 'completed', output: 1 };
        return { eval_id, lease_id, ...result };
      },
    );
    if (results.length > 0) await call('POST', '/tasks/complete', { results });
  }
}
