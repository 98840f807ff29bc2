/**
 * `npm run test:newcomer`: what somebody does who has just found the repository. A fresh clone of HEAD, `npm start`, the first
 * three commands of the README with what they print, and the finished task in the dashboard, seen in Chromium. Prints how
 * long each step took; three minutes are the aim.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestBrowser } from '../support/browser.js';
import { blocksOf, stepsOf } from '../support/document.blocks.js';
import { DocumentPlayer } from '../support/document.player.js';
import { freePort } from '../support/free-port.js';
import { endServer, endWithParent } from '../support/server-process.js';

const COMMANDS = 3;
const TASK = 'eval-1';
const STARTED_WITHIN_MS = 15 * 60_000;
const begunAt = performance.now();

const folder = mkdtempSync(join(tmpdir(), 'crucible-newcomer-'));
try {
  await comeAlong(join(folder, 'clone'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function comeAlong(clone: string): Promise<void> {
  const cloned = spawnSync('git', ['clone', '--quiet', `file://${process.cwd()}`, clone], {
    stdio: 'inherit',
  });
  if (cloned.status !== 0) throw new Error('The clone failed');
  tell('cloned');
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, PORT: String(port), HOST: '127.0.0.1', REDIS_URL: '' };
  const service = spawn('npm', ['start'], { cwd: clone, env, stdio: ['ignore', 'ignore', 'inherit'] });
  endWithParent(service);
  try {
    await answers(`http://127.0.0.1:${port}/readyz`, () => service.exitCode !== null);
    tell('npm start is ready: installed, built, listening');
    await playReadme(port);
    tell(`${COMMANDS} commands of the README print what it says`);
    await seeInDashboard(port);
    tell('the finished task is in the dashboard');
  } finally {
    await endServer(service, 'SIGTERM');
  }
  if (!existsSync(join(clone, 'data'))) throw new Error('The tasks are not where the README says');
}

async function answers(url: string, hasEnded: () => boolean): Promise<void> {
  const end = performance.now() + STARTED_WITHIN_MS;
  const isReady = () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (hasEnded() || performance.now() > end) throw new Error('npm start did not come up');
    await delay(50);
  }
}

async function playReadme(port: number): Promise<void> {
  const player = new DocumentPlayer(port);
  const steps = blocksOf('README.md')
    .filter(({ language }) => language === 'console')
    .flatMap(stepsOf);
  for (const step of steps.slice(0, COMMANDS)) {
    const printed = await player.play(step);
    if (printed !== step.output)
      throw new Error(`${step.command}\nprinted\n${printed}\nand not\n${step.output}`);
  }
}

async function seeInDashboard(port: number): Promise<void> {
  const browser = await TestBrowser.start();
  try {
    const page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${port}/dashboard/tasks`);
    await page.getByRole('row').filter({ hasText: TASK }).filter({ hasText: 'completed' }).waitFor();
    if (browser.faults.length > 0) throw new Error(browser.faults.join('\n'));
  } finally {
    await browser.close();
  }
}

function tell(step: string): void {
  console.log(`${((performance.now() - begunAt) / 1000).toFixed(1).padStart(6)} s  ${step}`);
}
