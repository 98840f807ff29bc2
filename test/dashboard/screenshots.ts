/** `npm run screenshots`: starts the built service, fills it, and writes pictures of the dashboard to docs/images. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestBrowser } from '../support/browser.js';
import { callerAt, fillWithTasks } from '../support/dashboard-tasks.js';
import { ServiceProcess } from '../support/service-process.js';

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly scheme?: 'dark';
  readonly width?: number;
}

const PICTURES: readonly Picture[] = [
  { name: 'overview', path: '/dashboard' },
  { name: 'overview-dark', path: '/dashboard', scheme: 'dark' },
  { name: 'overview-narrow', path: '/dashboard', width: 375 },
  { name: 'queue', path: '/dashboard/queues/gpu' },
  { name: 'tasks', path: '/dashboard/tasks' },
  { name: 'task', path: '/dashboard/tasks/eval-2026-1005' },
  { name: 'dead-letters', path: '/dashboard/dead-letters', scheme: 'dark' },
  { name: 'workers', path: '/dashboard/workers' },
];

const directory = await mkdtemp(join(tmpdir(), 'crucible-pictures-'));
const service = await ServiceProcess.start({ DATA_DIR: directory });
const browser = await TestBrowser.start();
try {
  const call = callerAt(service.url);
  await fillWithTasks(call);
  await call('PATCH', '/queues/gpu', { max_concurrency: 4, rate_limit: { tasks: 10, per: 1 } });
  const target = process.argv[2] ?? 'docs/images';
  for (const { name, path, scheme, width = 1440 } of PICTURES) {
    const page = await browser.context.newPage();
    await page.emulateMedia({ colorScheme: scheme ?? 'light' });
    await page.setViewportSize({ width, height: width < 500 ? 812 : 900 });
    await page.goto(service.url + path);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.screenshot({ path: join(target, `dashboard-${name}.png`), fullPage: width < 500 });
    await page.close();
  }
  for (const fault of browser.faults) console.log(fault);
} finally {
  await browser.close();
  await service.stop();
  await rm(directory, { recursive: true, force: true });
}
