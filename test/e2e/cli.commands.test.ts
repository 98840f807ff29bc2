import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../../src/client/index.js';
import { callCommand, type Called } from '../support/command.call.js';
import { CommandProcess } from '../support/command.process.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

describe('crucible-queue, with every part of the API', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-commands-'));
  let service: ServiceProcess;
  let client: Client;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: join(folder, 'data'), WEBHOOK_ALLOW_PRIVATE: 'true' });
    client = new Client({ url: service.url });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => client.clear({ all: true }));

  const call = (...args: string[]): Promise<Called> => callCommand(args, { QUEUE_URL: service.url });

  /** The one object that a successful call prints. */
  async function answer(...args: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await call(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  async function rows(...args: string[]): Promise<unknown[]> {
    const { code, stdout } = await call(...args);
    expect(code).toBe(0);
    return stdout.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
  }

  /** On a terminal, with this answer to a question. */
  async function onTerminal(input: string, ...args: string[]) {
    const command = new CommandProcess(args, { env: { QUEUE_URL: service.url }, isOnTerminal: true, input });
    return { code: await command.ended(), shown: command.stdout };
  }

  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it('changes the priority of waiting tasks', async () => {
    for (const eval_id of ['first', 'second']) await client.enqueue({ eval_id, code: 'x' });
    expect(await rows('prioritize', '--dry-run', '9', 'second')).toMatchObject([{ eval_id: 'second' }]);
    expect(await rows('prioritize', '9', 'second')).toMatchObject([
      { eval_id: 'second', status: 'queued', priority: 9 },
    ]);
    expect(await client.claim({ worker_id: 'w' })).toMatchObject([{ eval_id: 'second', priority: 9 }]);
    expect(await call('prioritize', '9', 'second')).toMatchObject({
      stderr: expect.stringContaining('can change only while it is queued or delayed'),
    });
    expect(await call('prioritize', 'high', 'first')).toMatchObject({ code: 64 });
    expect(await rows('prioritize', '--', '-5', 'first')).toMatchObject([{ priority: -5 }]);
  });

  it('enqueues with every field of a task', async () => {
    const code = file('eval.py', 'print(1)');
    const options = [
      '--ttl',
      '60',
      '--backoff',
      'exponential:2:90:0',
      '--max-interruptions',
      '0',
      '--batch',
      'b1',
    ];
    await answer(
      'enqueue',
      code,
      '--id',
      'full',
      ...options,
      '--callback-url',
      'http://127.0.0.1:1/hook?x=1',
    );
    const [task] = await client.claim({ worker_id: 'w' });
    expect(task).toMatchObject({ eval_id: 'full', batch_id: 'b1', max_interruptions: 0 });
    expect(await client.get('full')).toMatchObject({ callback_url: 'http://127.0.0.1:1/hook' });
    expect(Date.parse((await client.get('full')).expires_at ?? '')).toBeGreaterThan(0);
    const later = [
      '--run-at',
      '2090-01-31T03:00:00Z',
      '--expires-at',
      '2090-01-31T04:00:00Z',
      '--batch-id',
      'b2',
    ];
    expect(await answer('enqueue', code, '--id', 'later', ...later)).toMatchObject({
      status: 'delayed',
      run_at: '2090-01-31T03:00:00.000Z',
    });
    expect(await client.get('later')).toMatchObject({ batch_id: 'b2' });
    for (const wrong of [
      ['--backoff', 'sometimes'],
      ['--backoff', 'fixed:1:2:3:4'],
      ['--batch', 'a', '--batch-id', 'b'],
      ['--ndjson', '--id', 'x'],
    ])
      expect((await call('enqueue', code, ...wrong)).code).toBe(64);
  });

  it('limits a task by a deadline, and redrives it with or without its checkpoint', async () => {
    const code = file('eval.py', 'print(1)');
    await answer('enqueue', code, '--id', 'limited', '--deadline', '3600');
    await answer(
      'enqueue',
      code,
      '--id',
      'until',
      '--deadline-at',
      '2090-01-31T03:00:00Z',
      '--queue',
      'other',
    );
    expect(await client.get('until')).toMatchObject({ deadline_at: '2090-01-31T03:00:00.000Z' });
    for (const [reset, checkpoint] of [
      [[], { step: 1 }],
      [['--reset'], null],
    ] as const) {
      const [held] = await client.claim({ worker_id: 'w' });
      if (held !== undefined) await client.fail(held, { checkpoint: { step: 1 } });
      await rows('redrive', 'limited', ...reset);
      const [again] = await client.claim({ worker_id: 'w' });
      expect(again).toMatchObject({ eval_id: 'limited', checkpoint });
      if (again !== undefined) await client.release(again);
    }
  });

  it('shows, sets and removes the limits of a queue', async () => {
    const set = ['--max-depth', '9', '--max-concurrency', '4', '--max-concurrency-per-group', '2'];
    const limited = await answer(
      'limits',
      'gpu',
      ...set,
      '--rate-limit',
      '90/min',
      '--priority-ageing',
      '60',
    );
    expect(limited).toMatchObject({
      max_depth: 9,
      max_concurrency: 4,
      max_concurrency_per_group: 2,
      rate_limit: { tasks: 90, per: 60 },
      priority_ageing: 60,
    });
    expect(await answer('limits', 'gpu')).toEqual(limited);
    expect(await answer('queues', 'show', 'gpu')).toEqual(limited);
    expect(await answer('limits', 'gpu', '--max-depth', 'none', '--set', 'rate_limit=null')).toMatchObject({
      max_depth: null,
      rate_limit: null,
      max_concurrency: 4,
    });
    await answer('limits', 'gpu', '--set', 'rate_limit={"tasks":5,"per":0.5}', '--set', 'max_concurrency=1');
    expect(await client.queues.get('gpu')).toMatchObject({ max_concurrency: 1, rate_limit: { per: 0.5 } });
    expect((await call('queues', '-o', 'table')).stdout).toMatch(/^gpu .*max_concurrency=1 /m);
    expect((await call('limits', 'gpu', '--set', 'max_depth="many"')).code).toBe(65);
    for (const wrong of [
      '--max-depth=-1',
      '--rate-limit=10',
      '--rate-limit=1/0',
      '--set=x',
      '--priority-ageing=0',
    ])
      expect((await call('limits', 'gpu', wrong)).code).toBe(64);
  });

  it('lists, awaits, cancels and redrives batches', async () => {
    await client.enqueueBatch(
      [
        { code: '1', eval_id: 'a' },
        { code: '2', eval_id: 'b' },
      ],
      { batchId: 'night' },
    );
    expect(await rows('batches')).toMatchObject([{ batch_id: 'night', total: 2 }]);
    expect((await call('batches', 'show', 'night', '--wait', '0')).code).toBe(75);
    expect(await answer('batches', 'cancel', 'night', '--dry-run')).toMatchObject({
      dry_run: true,
      tasks: 2,
      eval_ids: ['b', 'a'],
    });
    for (const args of [
      ['batches', 'cancel', 'night'],
      ['cancel', '--batch', 'night'],
    ])
      expect(await call(...args)).toMatchObject({
        code: 64,
        stderr: expect.stringContaining('2 waiting or held tasks of batch night: b, a. Add --yes') as unknown,
      });
    expect(await answer('cancel', '--batch', 'night', '--yes', '--reason', 'no')).toMatchObject({
      tasks_cancelled: 2,
    });
    const done = await call('batches', 'show', 'night', '--wait');
    expect([done.code, done.stderr]).toEqual([1, 'crucible-queue: 2 tasks did not complete\n']);
    await client.redrive('a');
    const [held] = await client.claim({ worker_id: 'w' });
    if (held !== undefined) await client.fail(held);
    expect(await answer('batches', 'redrive', 'night', '--outcome', 'lost', '--dry-run')).toMatchObject({
      tasks: 0,
    });
    expect(await answer('batches', 'redrive', 'night')).toMatchObject({ tasks_redriven: 1 });
    for (const args of [
      ['show', 'x'],
      ['cancel', 'x', '--yes'],
      ['redrive', 'x', '--dry-run'],
    ])
      expect((await call('batches', ...args)).code).toBe(66);
    expect((await call('cancel')).code).toBe(64);
    expect((await call('cancel', 'a', '--batch', 'night')).code).toBe(64);
  });

  it('creates, edits, pauses, triggers and deletes schedules, and changes no number of a task', async () => {
    const task = '{"code":"print(1)","metadata":{"n":9007199254740993,"f":1.0},"queue":"reports"}';
    const posted = file('nightly.json', `{"cron":"0 3 * * *","task":${task}}`);
    const created = ['schedules', 'create', 'nightly', '--file', posted, '--timezone', 'Europe/Berlin'];
    expect(await answer(...created)).toMatchObject({ schedule_id: 'nightly', timezone: 'Europe/Berlin' });
    expect(await call(...created)).toMatchObject({
      code: 65,
      stderr: expect.stringContaining('edit') as unknown,
    });
    await answer('schedules', 'edit', 'nightly', '--cron', '30 4 * * *', '--timeout', '600');
    expect(await answer('schedules', 'pause', 'nightly')).toMatchObject({ paused: true, cron: '30 4 * * *' });
    expect(await answer('schedules', 'resume', 'nightly')).toMatchObject({ paused: false });
    const triggered = await answer('schedules', 'trigger', 'nightly');
    expect(triggered).toMatchObject({
      queue: 'reports',
      eval_id: expect.stringMatching(/^nightly:manual-/) as unknown,
    });
    const [held] = await client.claim({ worker_id: 'w', queues: ['reports'] });
    expect(held).toMatchObject({
      code: 'print(1)',
      timeout: 600,
      metadata_text: '{"n":9007199254740993,"f":1.0}',
    });
    expect(await answer('schedules', 'show', 'nightly')).toMatchObject({ task: { code: 'print(1)' } });
    expect((await call('schedules', 'edit', 'nightly')).code).toBe(64);
    expect(await answer('schedules', 'delete', 'nightly')).toMatchObject({ status: 'deleted' });
    expect((await call('schedules', 'trigger', 'nightly')).code).toBe(66);
    const code = file('job.py', 'print(2)');
    await answer(
      'schedules',
      'create',
      'daily',
      '--cron',
      '@daily',
      '--code',
      code,
      '--queue',
      'q',
      '--batch',
      'days',
    );
    expect(await client.schedules.get('daily')).toMatchObject({
      task: { code: 'print(2)', batch_id: 'days' },
    });
    await client.schedules.remove('daily');
  });

  it('lists deliveries of webhooks and sends one again', async () => {
    const callback_url = `http://127.0.0.1:${await freePort()}/hook`;
    await client.enqueue({ eval_id: 'told', code: 'x', callback_url });
    await client.cancel('told');
    let delivery: { delivery_id?: string } | undefined;
    await until(async () => {
      [delivery] = (await rows('webhooks', 'list', '--task', 'told', '--status', 'pending')) as [
        typeof delivery,
      ];
      return delivery !== undefined;
    });
    const { delivery_id: id = '' } = delivery ?? {};
    expect(await rows('webhooks', 'redeliver', id)).toEqual([{ delivery_id: id, status: 'pending' }]);
    expect((await call('webhooks', 'redeliver', 'unknown')).code).toBe(66);
    expect((await call('webhooks', 'deliveries', '-o', 'table')).stdout).toContain('told');
  });

  it('lets a drained worker claim again', async () => {
    await client.claim({ worker_id: 'w9' });
    expect(await answer('workers', 'drain', 'w9')).toMatchObject({ status: 'draining' });
    expect(await answer('workers', 'resume', 'w9')).toMatchObject({ status: 'active' });
    expect(await rows('workers')).toContainEqual(expect.objectContaining({ worker_id: 'w9' }));
  });

  it('shows in a dry run what it would do, and does nothing', async () => {
    for (const id of ['dead', 'live']) await client.enqueue({ eval_id: id, code: 'x', queue: 'q' });
    await client.cancel('dead');
    for (const [verb, changed] of [
      ['cancel', { dead: false, live: true }],
      ['redrive', { dead: true, live: false }],
      ['delete', { dead: true, live: false }],
    ] as const)
      expect(await rows(verb, 'dead', 'live', '--dry-run')).toEqual([
        { eval_id: 'dead', status: 'cancelled', would_change: changed.dead },
        { eval_id: 'live', status: 'queued', would_change: changed.live },
      ]);
    const matching = { dry_run: true, tasks: 1, is_more: false, eval_ids: ['dead'] };
    expect(await answer('redrive', '--status', 'cancelled', '--dry-run')).toEqual(matching);
    expect(await answer('redrive', '--status', 'cancelled', '--yes', '--dry-run')).toEqual(matching);
    expect(await answer('clear', '--status', 'cancelled', '--queue', 'q', '--dry-run')).toEqual(matching);
    expect(await client.status()).toMatchObject({ queued: 1, cancelled: 1 });
    expect(await rows('delete', 'dead')).toMatchObject([{ eval_id: 'dead', status: 'deleted' }]);
    expect((await call('delete', 'live')).code).toBe(65);
    expect(await rows('attempts', 'live')).toEqual([]);
  });

  it('clears only what is named and meant', async () => {
    for (const id of ['a', 'b']) await client.enqueue({ eval_id: id, code: 'x', queue: `of-${id}` });
    for (const args of [[], ['--all', '--queue', 'of-a'], ['--queue', ',']]) {
      const { code } = await call('clear', ...args, '--yes');
      expect(code).toBe(64);
    }
    const refused = await call('clear', '--queue', 'of-a');
    expect([refused.code, refused.stderr]).toEqual([
      64,
      'crucible-queue: 1 task of queue of-a: a. Add --yes to confirm, or --dry-run to count them\n',
    ]);
    expect((await call('clear', '--status', 'failed')).code).toBe(66);
    expect(await client.status()).toMatchObject({ total_tasks: 2 });
    const declined = await onTerminal('n\n', 'clear', '--all');
    expect([declined.code, declined.shown]).toEqual([
      1,
      expect.stringMatching(/2 tasks of all queues: b, a\r\n.*This cannot be undone\. \[y\/N\]/),
    ]);
    expect(await answer('clear', '--queue', 'of-a', '--yes')).toMatchObject({ tasks_removed: 1 });
    const confirmed = await onTerminal('y\n', 'clear', '--status', 'queued');
    expect([confirmed.code, confirmed.shown]).toEqual([0, expect.stringMatching(/tasks_removed +1/)]);
  });
});
