import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Client,
  type EventReset,
  NotFound,
  type TaskEvent,
  Unauthorized,
  WaitTimeout,
} from '../../src/client/index.js';
import type { TaskEvent as EmittedEvent } from '../../src/task/task-event.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const API_KEY = 'a-key-for-the-test-of-the-client';

describe('the TypeScript client, for operators', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-steering-'));
  let service: ServiceProcess;
  let client: Client;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: folder, API_KEY });
    client = new Client({ url: service.url, apiKey: API_KEY });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => client.clear({ all: true }));

  it('follows a batch from its first task to its end, and starts it again', async () => {
    const { batches } = client;
    await client.enqueueBatch([{ eval_id: 'a', code: 'x' }], { batchId: 'b-1', maxFailures: 5 });
    await client.enqueueBatch(
      [
        { eval_id: 'b', code: 'x' },
        { eval_id: 'c', code: 'x' },
      ],
      { batchId: 'b-1' },
    );
    expect(await batches.get('b-1')).toMatchObject({ status: 'running', total: 3, max_failures: 5 });
    await expect(batches.wait('b-1', { timeout: 0.05 })).rejects.toThrow(WaitTimeout);
    const claimed = await client.claim({ worker_id: 'w', max_tasks: 2 });
    const [first, second] = claimed;
    if (first === undefined || second === undefined) throw new Error('Three tasks are ready');
    await client.complete(first);
    await client.fail(second, { error: 'no' });
    const done = batches.wait('b-1');
    expect(await batches.cancel('b-1', { reason: 'enough' })).toEqual({
      batch_id: 'b-1',
      tasks_cancelled: 1,
    });
    expect(await done).toMatchObject({ status: 'done', counts: { completed: 1, failed: 1, cancelled: 1 } });
    expect(await batches.redrive('b-1')).toEqual({ batch_id: 'b-1', tasks_redriven: 1 });
    const listed = [];
    for await (const { batch_id } of batches.list()) listed.push(batch_id);
    expect(listed).toContain('b-1');
    await expect(batches.get('unknown')).rejects.toThrow(NotFound);
  });

  it('sets what a queue hands out, and empties it', async () => {
    const { queues } = client;
    await client.enqueue({ eval_id: 'a', code: 'x', queue: 'steered' });
    expect(await queues.change('steered', { max_depth: 5 })).toMatchObject({ max_depth: 5, paused: false });
    expect(await queues.pause('steered')).toMatchObject({ paused: true, max_depth: 5 });
    expect(await client.claim({ worker_id: 'w', queues: ['steered'] })).toEqual([]);
    expect(await queues.resume('steered')).toMatchObject({ paused: false });
    expect(await queues.change('steered', { max_depth: null })).toMatchObject({ max_depth: null });
    expect(await queues.stats('steered')).toMatchObject({ ready: 1, backlog: 1 });
    expect((await queues.list()).map(({ queue }) => queue)).toContain('steered');
    expect(await queues.get('steered')).toMatchObject({ queue: 'steered', stats: { ready: 1 } });
    await client.enqueue({ eval_id: 'b', code: 'x' });
    expect(await queues.purge('steered', { status: ['cancelled'] })).toMatchObject({ tasks_removed: 0 });
    expect(await queues.purge('steered')).toMatchObject({ tasks_removed: 1 });
    expect(await client.status()).toMatchObject({ total_tasks: 1 });
  });

  it('makes, reads and forgets schedules', async () => {
    const { schedules } = client;
    const task = { code: 'report()', queue: 'reports' };
    const made = await schedules.put({ schedule_id: 'nightly', cron: '0 3 * * *', task });
    expect(made).toMatchObject({ schedule_id: 'nightly', timezone: 'UTC', task });
    expect(await schedules.get('nightly')).toMatchObject({ cron: '0 3 * * *', queue: 'reports' });
    const listed = [];
    for await (const { schedule_id } of schedules.list()) listed.push(schedule_id);
    expect(listed).toEqual(['nightly']);
    expect(await schedules.remove('nightly')).toEqual({ schedule_id: 'nightly', status: 'deleted' });
    await expect(schedules.get('nightly')).rejects.toThrow(NotFound);
  });

  it('sees who works, and has one drain', async () => {
    const { workers } = client;
    await client.enqueue({ eval_id: 'a', code: 'x' });
    await client.claim({ worker_id: 'w1' });
    expect(await workers.list()).toContainEqual(
      expect.objectContaining({ worker_id: 'w1', state: 'busy', status: 'active', held_tasks: ['a'] }),
    );
    expect(await workers.drain('w1')).toEqual({ worker_id: 'w1', status: 'draining' });
    expect(await client.claimAnswer({ worker_id: 'w1' })).toMatchObject({ tasks: [], command: 'drain' });
    expect(await workers.resume('w1')).toEqual({ worker_id: 'w1', status: 'active' });
    await workers.leave('w1');
    expect(await workers.list()).toContainEqual(expect.objectContaining({ worker_id: 'w1', state: 'gone' }));
    await expect(workers.drain('unknown')).rejects.toThrow(NotFound);
    await expect(workers.leave('unknown')).rejects.toThrow(NotFound);
  });

  it('lists the dead letters of a group', async () => {
    for (const group of ['team-1', 'team-2']) {
      await client.enqueue({ eval_id: `dead-${group}`, code: 'x', group });
      const [task] = await client.claim({ worker_id: 'w' });
      if (task !== undefined) await client.fail(task);
    }
    await client.enqueue({ eval_id: 'alive', code: 'x', group: 'team-1' });
    const dead = [];
    for await (const { eval_id } of client.deadLetters({ group: 'team-1' })) dead.push(eval_id);
    expect(dead).toEqual(['dead-team-1']);
  });

  it('hears of every transition, and goes on where it was when the service was killed and is back', async () => {
    const ending = new AbortController();
    const heard: (TaskEvent | EventReset)[] = [];
    const troubles: unknown[] = [];
    const options = { signal: ending.signal, onTrouble: (error: unknown) => troubles.push(error) };
    const listening = (async () => {
      for await (const event of client.events({ type: ['queued'], queue: ['heard'] }, options))
        heard.push(event);
    })();
    const hears = async (prefix: string) => {
      const isHeard = () => heard.some((event) => 'eval_id' in event && event.eval_id.startsWith(prefix));
      for (let number = 0; !isHeard(); number += 1) {
        await client.enqueue({ eval_id: `${prefix}-${number}`, code: 'x', queue: 'heard' });
        await client.enqueue({ eval_id: `${prefix}-unheard-${number}`, code: 'x' });
      }
    };
    await hears('before');
    service.signal('SIGKILL');
    await service.exited;
    await until(() => troubles.length > 0);
    service = await ServiceProcess.start({ DATA_DIR: folder, API_KEY, PORT: String(service.port) });
    await hears('after');
    ending.abort(new Error('Heard enough'));
    await expect(listening).rejects.toThrow('Heard enough');
    const transitions = heard.filter((event) => event.type !== 'reset');
    // The type that the client declares is the one that the service emits.
    const emitted: readonly EmittedEvent[] = transitions;
    const declared: readonly TaskEvent[] = emitted;
    expect(new Set(declared.map(({ queue, type }) => `${queue} ${type}`))).toEqual(new Set(['heard queued']));
    const names = declared.map(({ eval_id }) => eval_id);
    expect(new Set(names).size).toBe(names.length);
  });

  it('tells that it may not listen', async () => {
    const stranger = new Client({ url: service.url, apiKey: 'wrong' });
    await expect(stranger.events().next()).rejects.toThrow(Unauthorized);
  });
});
