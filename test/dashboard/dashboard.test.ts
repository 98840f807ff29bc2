import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { TestBrowser } from '../support/browser.js';
import { type Caller, callerAt, fillWithTasks, HOSTILE } from '../support/dashboard-tasks.js';
import { describeStores } from '../support/describe-stores.js';
import { ServiceProcess } from '../support/service-process.js';
import { nightTasks } from './night-tasks.js';

const ADMIN = 'admin-key-of-the-dashboard';
const VIEWER = 'viewer-key-of-the-dashboard';
/** A second is what it takes on a machine that has nothing else to do. */
const SOON = { timeout: 10_000 };
const PAGES = [
  '',
  '/queues',
  '/queues/gpu',
  '/tasks',
  '/tasks/eval-2026-1005',
  '/tasks/eval-2026-1003',
  '/dead-letters',
  '/tasks?status=failed&error=numpy',
  '/bulk?action=redrive&status=failed',
  '/enqueue?from=eval-2026-1005',
  '/batches',
  '/workers',
  '/workers/gpu-node-3',
  '/schedules',
  '/new-schedule',
  '/webhooks',
  '/events',
];

/** A browser on a machine with two busy cores takes its time; one test that is late makes the next ones fail. */
jest.setTimeout(120_000);

let browser: TestBrowser;

function names(inputs: readonly { readonly id: string }[]): readonly string[] {
  return inputs.map(({ id }) => id);
}

beforeAll(async () => {
  browser = await TestBrowser.start();
});
afterAll(() => browser.close());

describeStores(({ name, settings }) => {
  // On the other store the tasks of the night do the same; templates and scripts do not depend on it.
  const itOnce = name === 'embedded' ? it : () => undefined;
  let directory: string;
  let service: ServiceProcess;
  let call: Caller;
  let page: Page;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-dashboard-'));
    const file = join(directory, 'keys.json');
    const sha256 = createHash('sha256').update(VIEWER).digest('hex');
    writeFileSync(
      file,
      JSON.stringify({ keys: [{ id: 'watcher', sha256, roles: ['viewer'], queues: ['*'] }] }),
    );
    service = await ServiceProcess.start({
      ...settings(),
      DATA_DIR: join(directory, 'data'),
      API_KEY: ADMIN,
      API_KEYS_FILE: file,
      LOG_MAX_BYTES: '131072',
      // Nothing listens there, so deliveries wait.
      WEBHOOK_URL: 'http://127.0.0.1:1/hook',
      WEBHOOK_ALLOW_PRIVATE: 'true',
    });
    call = callerAt(service.url, ADMIN);
    await fillWithTasks(call);
    page = await browser.context.newPage();
    // Colors would be looked at on their way to others.
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(ADMIN);
  });

  afterAll(async () => {
    try {
      await page.close();
      await browser.context.clearCookies();
    } finally {
      // Also when there was no browser.
      await service.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  afterEach(() => {
    expect(browser.faults.splice(0)).toEqual([]);
  });

  async function open(path: string): Promise<void> {
    await page.goto(`${service.url}/dashboard${path}`);
  }

  /** Opens a page that is told what happens, and waits until it is. */
  async function openLive(path: string): Promise<void> {
    await open(path);
    await page.getByText('Live', { exact: true }).waitFor();
  }

  async function signIn(key: string): Promise<void> {
    await open('/sign-in');
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** What a screen reader, or a person who sees little contrast, would trip over. */
  async function barriers(options: axe.RunOptions = {}): Promise<string[]> {
    // To describe what is right as well takes three times as long.
    const asked = JSON.stringify({ ...options, resultTypes: ['violations'] });
    const { violations } = await page.evaluate<{ violations: axe.Result[] }>(`axe.run(${asked})`);
    return violations.map(
      ({ id, nodes }) => `${page.url()} ${id}: ${nodes.map(({ html }) => html).join(' ')}`,
    );
  }

  it('keeps a session in a cookie that no script can read and that is not the key', async () => {
    const [cookie] = await browser.context.cookies(`${service.url}/dashboard`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/dashboard' });
    expect(cookie?.value).not.toContain(ADMIN);
    const forged = `${cookie?.value.slice(0, -2) ?? ''}xx`;
    const headers = { Cookie: `crucible_session=${forged}` };
    const answer = await fetch(`${service.url}/dashboard`, { headers, redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      '/dashboard/sign-in?next=%2Fdashboard',
    ]);
  });

  it('refuses a wrong key, and leads nowhere else after a right one', async () => {
    const body = new URLSearchParams({ key: 'wrong', next: '//evil.example' });
    const headers = { Origin: service.url };
    const sent = { method: 'POST', headers, redirect: 'manual' } as const;
    const wrong = await fetch(`${service.url}/dashboard/sign-in`, { ...sent, body });
    expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
    expect(await wrong.text()).toContain('The API key is not valid');
    body.set('key', ADMIN);
    const right = await fetch(`${service.url}/dashboard/sign-in`, { ...sent, body });
    expect([right.status, right.headers.get('location')]).toEqual([303, '/dashboard']);
  });

  // The same templates make the pages of every store.
  if (name === 'embedded') {
    it.each(PAGES)('has no barrier at "%s", in the light and in the dark', async (path) => {
      await open(path);
      await page.evaluate(axe.source);
      expect(await barriers()).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await barriers({ runOnly: ['color-contrast'] })).toEqual([]);
      await page.emulateMedia({ colorScheme: 'light' });
    });
  }

  itOnce('fits a narrow screen on every page', async () => {
    await page.setViewportSize({ width: 375, height: 812 });
    for (const path of PAGES) {
      await open(path);
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 375]);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('shows a transition soon after it', async () => {
    await openLive('');
    await page.locator('.chart canvas').first().waitFor();
    await call('POST', '/tasks', { eval_id: 'fresh-1', code: 'x', queue: 'newcomer' });
    await page.getByRole('link', { name: 'newcomer' }).waitFor(SOON);
    await openLive('/tasks/fresh-1');
    const { lease_id } = await call('GET', '/tasks/next?queue=newcomer&worker_id=quick');
    await page.getByText('Held by quick').waitFor(SOON);
    const progress = { percent: 37, message: 'sample 37 of 100' };
    await call('POST', '/tasks/fresh-1/heartbeat', { lease_id, progress });
    await page.getByText('sample 37 of 100').waitFor(SOON);
    await call('POST', '/tasks/fresh-1/complete', { lease_id, output: { answer: 42 } });
    await page.locator('.json').getByText('42').waitFor(SOON);
  });

  itOnce('connects a page to its stream also when the extension comes late', async () => {
    const late = await browser.context.newPage();
    await late.route('**/hx-sse.min.js', async (route) => {
      await late.waitForFunction('typeof htmx === "object"');
      // Of its timers, htmx sets the one that takes in the page first.
      await late.evaluate('new Promise((resolve) => setTimeout(resolve))');
      await route.continue();
    });
    await late.goto(`${service.url}/dashboard/queues`);
    await late.getByText('Live', { exact: true }).waitFor(SOON);
    await late.close();
  });

  it('finds tasks by filters in the address, and by their id', async () => {
    await open('/tasks?status=failed&queue=default');
    await page.getByRole('link', { name: 'hostile-1' }).waitFor();
    expect(await page.getByRole('link', { name: 'eval-2026-1012' }).count()).toBe(0);
    await page.getByLabel('Group').fill('vision');
    await page.getByRole('textbox', { name: 'Queue' }).fill('');
    await page.getByRole('checkbox', { name: 'failed' }).uncheck();
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('link', { name: 'eval-2026-1012' }).waitFor();
    expect(await page.getByRole('link', { name: 'eval-2026-1001' }).count()).toBe(0);
    await find('eval-2026-1012');
    await page.getByText('submitted twice').waitFor();
  });

  async function find(text: string): Promise<void> {
    await page.keyboard.press('/');
    await page.getByRole('combobox', { name: 'Find tasks' }).fill(text);
    await page.keyboard.press('Enter');
  }

  /** The ids on the list. */
  async function listed(): Promise<readonly string[]> {
    return page.locator('main tbody td.main a').allInnerTexts();
  }

  it('finds tasks by one text: words, fields, the beginning of an id, a part of an error', async () => {
    await find('1005');
    await page.getByRole('link', { name: 'eval-2026-1005' }).waitFor();
    expect(await listed()).toEqual(['eval-2026-1005']);
    await find('is:failed error:"No module named"');
    await page.getByText('ImportError').first().waitFor();
    expect(await listed()).toHaveLength(1);
    expect(await page.title()).toContain('is:failed error:"No module named"');
    await find('id:eval-2026-101 worker-b');
    await page.getByText('No matching tasks').waitFor();
    await find('id:eval-2026-100 worker-b is:failed');
    await page.getByText('ImportError').first().waitFor();
    expect((await listed()).every((id) => id.startsWith('eval-2026-100'))).toBe(true);
    await find('is:gone');
    await page.getByText('Not a valid filter: status').waitFor();
    expect(await page.locator('#bulk').count()).toBe(0);
  });

  it('shows hostile texts, and runs nothing of them', async () => {
    for (const path of ['/tasks', '/dead-letters', '/tasks/hostile-1']) {
      await open(path);
      await page.getByText('<script>window.hacked', { exact: false }).first().waitFor();
    }
    await page.getByText('Code', { exact: false }).first().click();
    expect(
      await page.evaluate('[window.hacked, document.querySelectorAll("main img, main script").length]'),
    ).toEqual([undefined, 0]);
  });

  if (name === 'embedded') {
    it('follows the log of a task as text, from attempt to attempt until its end', async () => {
      await call('POST', '/tasks', { eval_id: 'logged', code: 'x', queue: 'logged', timeout: 3600 });
      const claim = async () => String((await call('GET', '/tasks/next?queue=logged')).lease_id);
      let lease = await claim();
      const append = (text: string | Buffer) =>
        call('POST', `/tasks/logged/log?lease_id=${lease}`, Buffer.from(text));
      await append('\u001b[31mred\u001b[0m é 10%\r20%\n');
      await open('/tasks/logged');
      const pane = page.getByRole('region', { name: 'Log', exact: true });
      const lines = pane.getByRole('region', { name: 'Lines of the log' });
      await lines.getByText('20%', { exact: true }).waitFor();
      await append(Buffer.from([0xff]));
      await append(`${HOSTILE}\u001b[32mgreen`);
      await lines.locator('.ansi-green', { hasText: 'green' }).waitFor();
      expect(await lines.innerText()).toContain(`\ufffd${HOSTILE}green`);
      expect(await page.evaluate('window.hacked')).toBeUndefined();
      // A part of a line ends later, and the line is shown once.
      await append(' and more\n');
      await lines.getByText('green and more').waitFor();
      expect(await lines.locator('.line').count()).toBe(2);
      // More than the pane shows, and more than the service keeps.
      for (let chunk = 0; chunk < 3; chunk += 1) {
        await append(Array.from({ length: 4_000 }, (_, at) => `chunk ${chunk} line ${at}\n`).join(''));
        await lines.getByText(`chunk ${chunk} line 3999`).waitFor();
      }
      expect(await lines.locator('.line').count()).toBe(5_000);
      await pane.getByText('The beginning of this one is gone').waitFor();
      await pane.getByText('This is the end of the log').waitFor();
      await pane.getByRole('searchbox').fill('chunk 2 LINE 399');
      await pane.getByText('11 of 11 lines').waitFor();
      await page.keyboard.press('Enter');
      await pane.getByText('1 of 11 lines').waitFor();
      expect(await lines.locator('.line.current').innerText()).toBe('chunk 2 line 399');
      expect(await pane.getByRole('checkbox', { name: 'Follow' }).isChecked()).toBe(false);
      await call('POST', '/tasks/logged/release', { lease_id: lease });
      lease = await claim();
      await append('second attempt\n');
      await lines.getByText('second attempt').waitFor();
      await call('POST', '/tasks/logged/complete', { lease_id: lease });
      await pane.getByText('End of the log: the task is completed.').waitFor();
      await pane.getByRole('combobox').selectOption('1');
      await pane.getByText('End of attempt 1.').waitFor();
      expect(await lines.innerText()).toContain('chunk 2 line 3999');
      const link = pane.getByRole('link', { name: 'Download' });
      expect(await link.getAttribute('download')).toBe('logged-1.log');
      const text = await page.request.get(new URL((await link.getAttribute('href')) ?? '', page.url()).href);
      expect(text.headers()).toMatchObject({
        'content-type': 'text/plain; charset=utf-8',
        'x-log-attempt': '1',
      });
      expect(await text.text()).toMatch(/chunk 2 line 3999\n$/);
      // The pane of a task that has ended reads the end of its log.
      await open('/tasks/logged');
      await lines.getByText('second attempt').waitFor();
    });
  }

  it('cancels a task and redrives it', async () => {
    await open('/tasks/eval-2026-1010');
    await page.getByText('Cancel…').click();
    await page.getByLabel('Reason (optional)').fill('not needed');
    await page.getByRole('button', { name: 'Cancel this task' }).click();
    await page.getByText('1 task cancelled.').waitFor();
    expect(await call('GET', '/tasks/eval-2026-1010')).toMatchObject({ status: 'cancelled' });
    await page.getByRole('button', { name: 'Redrive' }).click();
    await page.getByText('1 task redriven').waitFor();
    expect(await call('GET', '/tasks/eval-2026-1010')).toMatchObject({ status: 'queued' });
    expect(service.log).toContain('Key default cancelled task eval-2026-1010 on the dashboard (1)');
    expect(service.log).not.toContain('not needed');
  });

  itOnce('redrives the dead letters of one error', async () => {
    await open('/dead-letters');
    const row = page.getByRole('row', { name: /ImportError|MemoryError/ }).first();
    await row.getByRole('link', { name: 'Redrive 1 task…' }).click();
    await page.getByLabel('Type 1 to confirm').fill('2');
    await page.getByRole('button', { name: 'Redrive tasks' }).click();
    await page.getByText('The number does not match').waitFor();
    await page.getByLabel('Type 1 to confirm').fill('1');
    await page.getByRole('button', { name: 'Redrive tasks' }).click();
    await page.getByText(/1 task redriven/).waitFor();
  });

  it('changes the selected tasks only, after a preview', async () => {
    for (const id of ['pick-1', 'pick-2', 'pick-3'])
      await call('POST', '/tasks', { eval_id: id, code: 'x', queue: 'pick' });
    const select = async (...ids: string[]) => {
      for (const id of ids) await page.getByRole('checkbox', { name: `Select ${id}` }).check();
    };
    await openLive('/tasks?queue=pick');
    await select('pick-1', 'pick-3');
    await page.getByText('2 selected').waitFor();
    await page.getByRole('button', { name: 'Cancel…' }).click();
    await page.getByText('2 tasks').first().waitFor();
    expect(await call('GET', '/tasks/pick-1')).toMatchObject({ status: 'queued' });
    await page.getByRole('button', { name: 'Cancel tasks' }).click();
    await page.getByText('2 tasks cancelled.').waitFor();
    expect(await call('GET', '/tasks/pick-2')).toMatchObject({ status: 'queued' });
    await select('pick-1', 'pick-2');
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByText('1 cannot change').waitFor();
    await page.getByRole('button', { name: 'Delete tasks' }).click();
    await page.getByText('1 task deleted.').waitFor();
    await expect(call('GET', '/tasks/pick-1')).rejects.toThrow('404');
    expect(service.log).toContain('cancelled selected tasks pick-3, pick-1 on the dashboard (2)');
  });

  it('enqueues from a form with the rules of the API, also a changed copy of a task', async () => {
    await open('/enqueue');
    await page.getByLabel('Id', { exact: true }).fill('form-1');
    await page.getByLabel('Queue').fill('forms');
    await page.getByLabel('Timeout').fill('soon');
    await page.getByLabel('Code').fill('print(1)\nprint(2)\n');
    await page.getByLabel('Metadata, as JSON').fill('{"seed": 9007199254740993');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.getByText('metadata must be a JSON object').waitFor();
    await page.getByLabel('Metadata, as JSON').fill('{"seed": 9007199254740993}');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.getByText('timeout must').waitFor();
    await page.getByLabel('Timeout').fill('60');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.getByText('Task enqueued.').waitFor();
    await page.getByRole('link', { name: 'Edit and enqueue…' }).click();
    expect(await page.getByLabel('Id', { exact: true }).inputValue()).toBe('form-1.2');
    await page.getByLabel('Priority').fill('7');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.getByText('Task enqueued.').waitFor();
    const claimed = await call('GET', '/tasks/next?queue=forms');
    expect(claimed).toMatchObject({ eval_id: 'form-1.2', code: 'print(1)\nprint(2)\n', timeout: 60 });
    expect(await call('GET', '/tasks/form-1')).toMatchObject({ status: 'queued' });
    expect(service.log).toContain('Key default enqueued task form-1.2 on the dashboard (1)');
  });

  it('creates, triggers, changes, pauses and deletes a schedule', async () => {
    await open('/schedules');
    await page.getByRole('link', { name: 'New schedule' }).click();
    await page.getByLabel('Id', { exact: true }).fill('hourly');
    await page.getByLabel('Cron expression').fill('0 25 * * *');
    await page.getByLabel('Task, as JSON').fill('{"queue": "reports", "code": "x"}');
    await page.getByRole('button', { name: 'Save schedule' }).click();
    await page.getByText('cron is invalid').waitFor();
    await page.getByLabel('Cron expression').fill('0 * * * *');
    await page.getByRole('button', { name: 'Save schedule' }).click();
    await page.getByText('Schedule saved.').waitFor();
    await page.getByRole('button', { name: 'Enqueue now' }).click();
    await page.getByText('Task of the schedule enqueued.').waitFor();
    expect(page.url()).toContain('/dashboard/tasks/hourly%3A20');
    await open('/schedules/hourly');
    await page.getByLabel('Time zone').fill('Europe/Berlin');
    await page.getByRole('button', { name: 'Save schedule' }).click();
    await page.getByText('Schedule saved.').waitFor();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByText('Paused: no task is due.').waitFor();
    expect(await call('GET', '/schedules/hourly')).toMatchObject({
      paused: true,
      timezone: 'Europe/Berlin',
      task: { queue: 'reports', code: 'x' },
    });
    await page.getByRole('link', { name: 'Delete…' }).click();
    await page.getByRole('button', { name: 'Delete schedule' }).click();
    await page.getByText('Schedule deleted.').waitFor();
    await expect(call('GET', '/schedules/hourly')).rejects.toThrow('404');
  });

  itOnce('redrives the dead letters of a batch and cancels what is left of it', async () => {
    const tasks = ['b-1', 'b-2'].map((eval_id) => ({ eval_id, code: 'x', queue: 'batched' }));
    await call('POST', '/tasks/batch', { batch_id: 'mixed', tasks });
    const { lease_id } = await call('GET', '/tasks/next?queue=batched&worker_id=w');
    await call('POST', '/tasks/b-1/fail', { lease_id, error: 'x' });
    await open('/batches');
    await page.getByRole('link', { name: 'mixed' }).click();
    await page.getByRole('link', { name: 'Redrive 1 dead letter…' }).click();
    await page.getByLabel('Type 1 to confirm').fill('1');
    await page.getByRole('button', { name: 'Redrive tasks' }).click();
    await page.getByText('1 task redriven.').waitFor();
    await open('/batches/mixed');
    await page.getByRole('link', { name: 'Cancel 2 tasks…' }).click();
    await page.getByLabel('Type 2 to confirm').fill('2');
    await page.getByRole('button', { name: 'Cancel tasks' }).click();
    await page.getByText('2 tasks cancelled.').waitFor();
    expect(await call('GET', '/batches/mixed')).toMatchObject({ counts: { cancelled: 2 } });
  });

  itOnce('shows a webhook that no receiver took, and sends it again', async () => {
    await open('/webhooks?status=pending');
    await page.getByRole('row').nth(1).getByRole('link').click();
    await page.getByText('Message', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByText('The webhook is sent again.').waitFor();
  });

  itOnce('says what holds a queue back', async () => {
    for (const queue of ['held', 'held-rate'])
      await call('POST', '/tasks', { eval_id: `${queue}-1`, code: 'x', queue });
    await call('POST', '/tasks', {
      eval_id: 'held-gpu',
      code: 'x',
      queue: 'held',
      requires: { gpu: 'h100' },
    });
    await open('/queues');
    await page.getByRole('row', { name: 'held no worker' }).getByText('no worker with a name').waitFor();
    await call('POST', '/tasks/claim', { worker_id: 'cpu-1', queues: ['held'], labels: { gpu: 'a100' } });
    await open('/queues/held');
    await page.getByText('no worker offers gpu=h100').waitFor();
    await call('PATCH', '/queues/held', { max_concurrency: 1 });
    await open('/queues/held');
    await page.getByText('at 1 of 1').waitFor();
    await open('/workers/cpu-1');
    await page.getByText('gpu=a100').waitFor();
    await page.getByRole('row', { name: 'held-1' }).waitFor();
  });

  it('takes a task from its worker', async () => {
    await call('POST', '/tasks', { eval_id: 'stuck-1', code: 'x', queue: 'stuck' });
    await call('GET', '/tasks/next?queue=stuck&worker_id=frozen-1');
    await open('/tasks/stuck-1');
    await page.getByRole('button', { name: 'Release' }).click();
    await page.getByText('1 task released.').waitFor();
    expect(await call('GET', '/tasks/stuck-1')).toMatchObject({ status: 'queued' });
  });

  it('changes everything that matches when the number is typed, and nothing before', async () => {
    for (const id of ['bulk-1', 'bulk-2'])
      await call('POST', '/tasks', { eval_id: id, code: 'x', queue: 'bulk' });
    await open('/tasks?queue=bulk');
    await page.getByRole('button', { name: 'Cancel…' }).click();
    await page.getByLabel('Type 2 to confirm').fill('3');
    await page.getByRole('button', { name: 'Cancel tasks' }).click();
    await page.getByText('The number does not match').waitFor();
    expect(await call('GET', '/tasks/bulk-1')).toMatchObject({ status: 'queued' });
    await page.getByLabel('Type 2 to confirm').fill('2');
    await page.getByRole('button', { name: 'Cancel tasks' }).click();
    await page.getByText('2 tasks cancelled.').waitFor();
    expect(await call('GET', '/tasks/bulk-2')).toMatchObject({ status: 'cancelled' });
  });

  it('shows batches, workers, schedules and what has happened, each with what is there', async () => {
    const task = { code: 'x', queue: 'reports' };
    const schedule = { schedule_id: 'nightly', cron: '0 3 * * *', timezone: 'UTC', task };
    await call('POST', '/schedules', schedule);
    await call('POST', '/tasks/batch', {
      batch_id: 'pair',
      tasks: ['p-1', 'p-2'].map((eval_id) => ({ eval_id, ...task })),
    });
    await open('/batches');
    await page.getByRole('row', { name: 'pair' }).getByText('0 of 2').waitFor();
    await open('/schedules');
    await page.getByRole('row', { name: 'nightly' }).getByText('0 3 * * *').waitFor();
    await open('/events');
    await page.getByRole('row', { name: 'p-2' }).getByText('queued').waitFor();
    await open('/workers');
    await page.getByRole('button', { name: 'Drain gpu-node-3' }).click();
    await page.getByText('Worker draining').waitFor();
    await page.getByRole('button', { name: 'Resume gpu-node-3' }).waitFor();
    const row = page.getByRole('row', { name: 'gpu-node-3' });
    await row.getByText('busy').waitFor();
    await row.getByText('draining').waitFor();
    await call('POST', '/workers/gpu-node-3/leave', {});
    await open('/workers');
    await row.getByText('gone').waitFor();
  });

  itOnce('pauses a queue and resumes it', async () => {
    await open('/queues');
    await page.getByRole('button', { name: 'Pause reports' }).click();
    await page.getByText('Queue paused.').waitFor();
    expect(await call('GET', '/queues/reports')).toMatchObject({ paused: true });
    await open('');
    await page.getByRole('row', { name: 'reports' }).getByText('paused').waitFor();
    await open('/queues/reports');
    await page.getByRole('button', { name: 'Resume reports' }).click();
    await page.getByText('Queue resumed.').waitFor();
    expect(await call('GET', '/queues/reports')).toMatchObject({ paused: false });
    expect(service.log).toContain('Key default paused queue reports on the dashboard (1)');
  });

  it('sets limits of a queue, and says beside a field what is wrong with it', async () => {
    await open('/queues/limited');
    await page.getByLabel('Waiting tasks').fill('ten');
    await page.getByLabel('Claim rate').fill('5');
    await page.getByRole('button', { name: 'Save limits' }).click();
    await page.getByText('Nothing was changed').waitFor();
    expect(await page.getByLabel('Waiting tasks').inputValue()).toBe('ten');
    expect(await page.locator('[aria-invalid=true]').evaluateAll(names)).toEqual(['max_depth', 'rate_per']);
    expect(await page.locator('#max_depth-note').innerText()).toContain('integer');
    expect(await call('GET', '/queues/limited')).toMatchObject({ max_depth: null, rate_limit: null });
    await page.getByLabel('Waiting tasks').fill('10');
    await page.getByLabel('Period').fill('60');
    await page.getByRole('button', { name: 'Save limits' }).click();
    await page.getByText('Limits saved.').waitFor();
    const rate_limit = { tasks: 5, per: 60 };
    expect(await call('GET', '/queues/limited')).toMatchObject({ max_depth: 10, rate_limit });
    expect(service.log).toContain('set the limits of queue limited to at most 10 waiting, 5 tasks per 1 min');
    await open('/queues');
    await page.getByRole('row', { name: 'limited' }).getByText('at most 10 waiting').waitFor();
  });

  it('purges a queue when its name is typed', async () => {
    await call('POST', '/tasks', { eval_id: 'doomed', code: 'x', queue: 'scrap' });
    await open('/queues');
    await page.getByRole('link', { name: 'scrap', exact: true }).click();
    await page.getByRole('link', { name: 'Purge…' }).click();
    await page.getByLabel('Type scrap to confirm').fill('scrap');
    await page.getByRole('button', { name: 'Purge queue' }).click();
    await page.getByText('1 task removed.').waitFor();
    await page.getByRole('link', { name: 'scrap', exact: true }).waitFor({ state: 'detached' });
  });

  describe('at three in the morning, in four clicks:', () => {
    nightTasks(() => ({ page, call, open }));
  });

  // What does not touch the store is looked at once.
  if (name === 'embedded') {
    it('answers browsers with pages where there is nothing, and API clients as ever', async () => {
      await page.goto(`${service.url}/`);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      const browsers = { headers: { Accept: 'text/html,*/*;q=0.8' } };
      const lost = await fetch(`${service.url}/no/such/page`, browsers);
      expect([lost.status, lost.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
      expect(await lost.text()).toContain('<h1>No such page</h1>');
      for (const path of ['/', '/no/such/page']) {
        const api = await fetch(service.url + path, { headers: { 'X-API-Key': ADMIN } });
        expect([api.status, api.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
      }
    });

    it('shows times in the zone of the browser, or in UTC', async () => {
      const zone = await page.context().newCDPSession(page);
      await zone.send('Emulation.setTimezoneOverride', { timezoneId: 'Asia/Tokyo' });
      await open('/tasks/eval-2026-1005');
      await page
        .getByText(/UTC\+09:00$/)
        .first()
        .waitFor();
      await open('/tasks?ended_after=2026-11-30T20:00Z');
      expect(await page.getByLabel('Ended from').inputValue()).toBe('2026-12-01T05:00');
      await page.getByLabel('Ended from').fill('2026-12-01T06:30');
      await page.getByRole('button', { name: 'Filter' }).click();
      await page.waitForURL('**ended_after=2026-11-30T21%3A30%3A00.000Z**');
      await page.getByRole('button', { name: 'Local time' }).click();
      expect(await page.getByLabel('Ended from').inputValue()).toBe('2026-11-30T21:30');
      await open('/tasks/eval-2026-1005');
      await page.getByText(/ UTC$/).first().waitFor();
      await page.getByRole('button', { name: 'UTC' }).click();
      await zone.detach();
    });

    it('moves with the keyboard', async () => {
      await open('/queues');
      await page.getByRole('link', { name: 'gpu' }).first().waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('t');
      await page.waitForURL('**/dashboard/tasks');
      await page
        .getByRole('checkbox', { name: /^Select / })
        .first()
        .waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('x');
      expect(await page.locator('tbody tr').nth(1).getByRole('checkbox').isChecked()).toBe(true);
      await page.keyboard.press('k');
      await page.keyboard.press('x');
      await page.getByText('2 selected').waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await page.keyboard.press('Escape');
    });

    it('offers fields and values in the search box', async () => {
      await open('/tasks');
      await page.keyboard.press('/');
      await page.keyboard.type('que');
      await page.getByRole('option', { name: 'queue:' }).waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('option', { name: 'queue:gpu' }).click();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/dashboard/tasks?queue=gpu');
    });
  }

  it('takes no action from a page of another site', async () => {
    const [cookie] = await browser.context.cookies(`${service.url}/dashboard`);
    const from = (origin: string | undefined, action: string) =>
      fetch(`${service.url}/dashboard/${action}`, {
        method: 'POST',
        headers: { Cookie: `crucible_session=${cookie?.value ?? ''}`, ...(origin && { Origin: origin }) },
      });
    for (const action of ['tasks/eval-2026-1011/cancel', 'queues/gpu/pause', 'queues/gpu/limits']) {
      const answers = [await from(undefined, action), await from('https://evil.example', action)];
      expect([action, ...answers.map(({ status }) => status)]).toEqual([action, 403, 403]);
    }
    expect(await call('GET', '/tasks/eval-2026-1011')).toMatchObject({ status: 'queued' });
  });

  it('lets a viewer look on, without payloads and without actions', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(VIEWER);
    await page.getByText('watcher').waitFor();
    await open('/tasks/eval-2026-1011');
    await page.getByText('Viewers cannot see').waitFor();
    expect(await page.getByRole('region', { name: 'Log', exact: true }).count()).toBe(0);
    const text = await page.content();
    expect(text).not.toMatch(/print\(|team-a|Cancel…|Redrive/);
    await open('/queues/limited');
    await page.getByText('at most 10 waiting').waitFor();
    expect(await page.locator('main form, main a.button').count()).toBe(0);
    const [cookie] = await browser.context.cookies(`${service.url}/dashboard`);
    const headers = { Cookie: `crucible_session=${cookie?.value ?? ''}`, Origin: service.url };
    const log = await fetch(`${service.url}/dashboard/tasks/eval-2026-1003/log`, { headers });
    expect(log.status).toBe(403);
    for (const action of ['tasks/eval-2026-1011/cancel', 'queues/limited/limits', 'queues/limited/pause']) {
      const answer = await fetch(`${service.url}/dashboard/${action}`, { method: 'POST', headers });
      expect([action, answer.status]).toEqual([action, 403]);
    }
  });

  if (name === 'embedded') {
    it('says with a banner that the service does not answer', async () => {
      await openLive('');
      service.signal('SIGKILL');
      await page.getByText('The service does not answer.').waitFor();
      // Each attempt to reconnect is an error on the console.
      await page.goto('about:blank');
      browser.faults.splice(0);
    });
  }
});
