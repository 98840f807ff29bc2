import { setTimeout as delay } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import type { Caller } from '../support/dashboard-tasks.js';

/** What a task of an operator needs: the browser, and a client that makes the trouble. */
export interface Night {
  readonly page: Page;
  readonly call: Caller;
  /** Opens a page of the dashboard by its address. */
  open(path: string): Promise<void>;
}

/** The most clicks that a task may take. Typing and the search box's Enter are none. */
const MOST_CLICKS = 4;

const TRACEBACK = `Traceback (most recent call last):
${'  File "/app/harness.py", line 12, in run\n    step()\n'.repeat(8)}\u001b[31mValueError\u001b[0m: sample 7 has no answer`;

/** Registers the tasks of an operator at three in the morning as tests. */
export function nightTasks(nightOf: () => Night): void {
  let night: Night;
  let clicks: number;

  beforeEach(() => {
    night = nightOf();
    clicks = 0;
  });

  afterEach(() => {
    expect(clicks).toBeLessThanOrEqual(MOST_CLICKS);
  });

  async function click(target: Locator): Promise<void> {
    clicks += 1;
    await target.click();
  }

  /** A click that a name finds. */
  async function press(role: 'link' | 'button', name: string | RegExp): Promise<void> {
    await click(night.page.getByRole(role, { name, exact: typeof name === 'string' }).first());
  }

  async function find(text: string): Promise<void> {
    const box = night.page.getByRole('combobox', { name: 'Find tasks' });
    await box.fill(text);
    await box.press('Enter');
  }

  async function enqueue(id: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
    await night.call('POST', '/tasks', { eval_id: id, code: 'x', timeout: 3600, ...fields });
  }

  async function claim(queue: string, worker: string): Promise<Record<string, unknown>> {
    return night.call('GET', `/tasks/next?queue=${queue}&worker_id=${worker}`);
  }

  async function fail(queue: string, worker: string, error: string): Promise<string> {
    const { eval_id, lease_id } = await claim(queue, worker);
    await night.call('POST', `/tasks/${String(eval_id)}/fail`, { lease_id, error });
    return String(eval_id);
  }

  it('resumes a queue that an operator paused', async () => {
    await enqueue('night-paused', { queue: 'night-paused' });
    await night.call('PATCH', '/queues/night-paused', { paused: true });
    await night.open('');
    const row = night.page.getByRole('row', { name: 'night-paused' });
    await row.getByText('paused', { exact: true }).waitFor();
    await click(row.getByRole('link'));
    await press('button', 'Resume night-paused');
    await night.page.getByText('Queue resumed.').waitFor();
  });

  it('finds that no worker has the card that the tasks of a queue need', async () => {
    await enqueue('night-gpu', { queue: 'night-gpu', requires: { gpu: 'h100' } });
    await night.call('POST', '/tasks/claim', {
      worker_id: 'n-1',
      queues: ['night-gpu'],
      labels: { gpu: 'l4' },
    });
    await night.open('');
    await click(night.page.getByRole('row', { name: 'night-gpu' }).getByRole('link'));
    await night.page.getByText('held back: no worker offers gpu=h100').waitFor();
  });

  it('a worker eats tasks: find it and drain it', async () => {
    for (let index = 0; index < 3; index += 1) {
      await enqueue(`night-eaten-${index}`, { queue: 'night-eaten' });
      await fail('night-eaten', 'night-eater', 'Segmentation fault');
    }
    await night.open('');
    await press('link', 'Workers');
    await press('link', 'night-eater');
    await night.page.getByText('Segmentation fault').first().waitFor();
    await press('button', 'Drain night-eater');
    await night.page.getByText('Worker draining').waitFor();
  });

  it('tasks died of one error for an hour: redrive only those', async () => {
    const ended: string[] = [];
    for (const index of [1, 2]) {
      await enqueue(`night-died-${index}`, { queue: 'night-died' });
      await fail('night-died', 'w', 'disk quota of volume 7 exceeded');
      ended.push(String((await night.call('GET', `/tasks/night-died-${index}`)).finished_at));
      // The second must not end within the same millisecond.
      await delay(5);
    }
    await night.open('');
    await find(`is:failed error:"quota of volume" ended:${ended.join('..')}`);
    await press('button', 'Redrive…');
    await night.page.getByLabel('Type 1 to confirm').fill('1');
    await press('button', 'Redrive tasks');
    await night.page.getByText('1 task redriven.').waitFor();
    expect(await night.call('GET', '/tasks/night-died-1')).toMatchObject({ status: 'queued' });
    expect(await night.call('GET', '/tasks/night-died-2')).toMatchObject({ status: 'failed' });
  });

  it('a worker froze with its tasks: give them to others', async () => {
    await enqueue('night-frozen', { queue: 'night-frozen' });
    await claim('night-frozen', 'night-icicle');
    await night.open('/workers');
    await press('link', 'night-icicle');
    await press('link', 'Release its 1 task…');
    await night.page.getByLabel('Type 1 to confirm').fill('1');
    await press('button', 'Release tasks');
    await night.page.getByText('1 task released.').waitFor();
    expect(await night.call('GET', '/tasks/night-frozen')).toMatchObject({ status: 'queued' });
  });

  it('a task failed: read what it printed, as it printed it', async () => {
    await enqueue('night-trace', { queue: 'night-trace' });
    await fail('night-trace', 'w', TRACEBACK);
    await night.open('');
    await find('night-trace');
    await night.page.getByText('ValueError: sample 7 has no answer').first().waitFor();
    const whole = night.page.locator('section', { hasText: 'Last error' }).locator('details').first();
    expect(await whole.getAttribute('open')).toBeNull();
    await click(whole.locator('summary'));
    await whole.locator('.ansi-red', { hasText: 'ValueError' }).waitFor();
    expect(await whole.innerText()).not.toContain('\u001b');
  });

  it('a task needs more time: run it again with more', async () => {
    await enqueue('night-slow', { queue: 'night-slow', timeout: 5, code: 'slow()' });
    await fail('night-slow', 'w', 'timed out');
    await night.open('');
    await find('night-slow');
    await press('link', 'Edit and enqueue…');
    await night.page.getByLabel('Timeout').fill('7200');
    await press('button', 'Enqueue');
    await night.page.getByText('Task enqueued.').waitFor();
    expect(await claim('night-slow', 'w')).toMatchObject({ timeout: 7200, code: 'slow()' });
  });

  it('a nightly run is missing: start it now', async () => {
    const task = { code: 'x', queue: 'night-run' };
    await night.call('POST', '/schedules', { schedule_id: 'night-run', cron: '0 3 * * *', task });
    await night.open('');
    await press('link', 'Schedules');
    await press('link', 'night-run');
    await press('button', 'Enqueue now');
    await night.page.getByText('Task of the schedule enqueued.').waitFor();
    expect(String((await claim('night-run', 'w')).eval_id)).toMatch(/^night-run:/);
  });

  it('a batch went wrong: cancel what is left of it', async () => {
    const tasks = ['night-b-1', 'night-b-2'].map((eval_id) => ({ eval_id, code: 'x', queue: 'night-b' }));
    await night.call('POST', '/tasks/batch', { batch_id: 'night-batch', tasks });
    await night.open('');
    await press('link', 'Batches');
    await press('link', 'night-batch');
    await press('link', 'Cancel 2 tasks…');
    await night.page.getByLabel('Type 2 to confirm').fill('2');
    await press('button', 'Cancel tasks');
    await night.page.getByText('2 tasks cancelled.').waitFor();
  });

  it('a receiver was down: send a webhook again', async () => {
    await enqueue('night-hook', { queue: 'night-hook' });
    await fail('night-hook', 'w', 'x');
    await night.open('');
    await press('link', 'Webhooks');
    const row = night.page.getByRole('row', { name: 'night-hook' });
    await click(row.getByRole('link'));
    await press('button', 'Send again');
    await night.page.getByText('The webhook is sent again.').waitFor();
  });
}
