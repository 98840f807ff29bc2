import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { EventHub } from '../../src/events/event-hub.js';
import { EventReaders } from '../../src/events/event-readers.js';
import { describeStores } from '../support/describe-stores.js';
import { EventSource } from '../support/event-source.js';
import { ServiceProcess } from '../support/service-process.js';
import type { TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

const IN_A_BATCH = 1000;

/** A key of the keys file. */
function keyEntry(id: string, queues: readonly string[]): object {
  return { id, sha256: createHash('sha256').update(id).digest('hex'), roles: ['viewer'], queues };
}

describeStores(({ name, startApp, settings }) => {
  let service: TestApp;

  async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    service = await startApp(env);
  }

  afterEach(() => service.close());

  async function enqueue(ids: readonly string[], queue = 'default'): Promise<void> {
    for (let from = 0; from < ids.length; from += IN_A_BATCH) {
      const tasks = ids.slice(from, from + IN_A_BATCH).map((eval_id) => ({ eval_id, code: 'secret', queue }));
      const { status } = await service.call('POST', '/tasks/batch', { body: { tasks } });
      expect(status).toBe(200);
    }
  }

  function idsOf(prefix: string, count: number): string[] {
    return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  }

  function listen(query = '', options = {}): Promise<EventSource> {
    return EventSource.open(`${service.url}/events${query}`, options);
  }

  describe('GET /events', () => {
    it('is refused as draining when the service ends before the stream has begun', async () => {
      await start();
      const hub = service.app.get(EventHub);
      let goOn: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (goOn = resolve));
      const entering = jest.spyOn(hub, 'enter').mockReturnValue(gate);
      const answers = ['', '?last_event_id=0'].map((query) => service.call('GET', `/events${query}`));
      await until(() => entering.mock.calls.length === answers.length);
      service.app.get(EventReaders).onModuleDestroy();
      goOn();
      for (const { status, body } of await Promise.all(answers))
        expect([status, body.code]).toEqual([503, 'draining']);
    });

    it('tells every transition as it happens, in order, and no payload', async () => {
      await start();
      const source = await listen();
      await enqueue(['a']);
      await service.call('GET', '/tasks/next?worker_id=w1');
      await service.call('POST', '/tasks/a/complete', { body: { output: 'secret' } });
      await source.until(() => source.events.length === 3);
      expect(source.events).toMatchObject([
        { type: 'queued', eval_id: 'a', sequence: 1, status: 'queued', queue: 'default' },
        { type: 'processing', eval_id: 'a', sequence: 2, worker_id: 'w1', attempt: 1 },
        { type: 'completed', eval_id: 'a', sequence: 3, status: 'completed' },
      ]);
      expect(JSON.stringify(source.events)).not.toContain('secret');
      const ids = source.events.map(({ id }) => id);
      expect(ids.toSorted((one, other) => one - other)).toEqual(ids);
      expect(source.response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      expect(source.response.headers.etag).toBeUndefined();
      source.kill();
    });

    it('lets a reader that is killed again and again miss nothing of 10,000 events, and tells none twice', async () => {
      await start({ EVENTS_STREAM_LENGTH: '20000' });
      const ids = idsOf('t', 10_000);
      let source = await listen();
      const seen: string[] = [];
      const enqueued: Promise<unknown>[] = [];
      // A part of them for each life of the reader, in three queues at once.
      const enqueuePart = (): void => {
        const part = ids.slice(enqueued.length * 1_000, (enqueued.length + 1) * 1_000);
        const queues = ['one', 'two', 'three'].map((name, at) =>
          enqueue(part.slice(at * 334, (at + 1) * 334), name),
        );
        enqueued.push(Promise.all(queues));
      };
      while (seen.length < ids.length) {
        enqueuePart();
        const wanted = Math.min(700, ids.length - seen.length);
        await source.until(() => source.events.length >= wanted);
        source.kill();
        await source.ended();
        // What came after the kill was read, too: it moved the id on.
        seen.push(...source.events.map(({ eval_id }) => eval_id));
        expect(source.resets).toEqual([]);
        source = await listen('', { lastEventId: source.lastEventId });
      }
      await Promise.all(enqueued);
      expect(seen.length).toBe(ids.length);
      expect(new Set(seen)).toEqual(new Set(ids));
      source.kill();
    });

    it('filters by queue, type and task, and keeps the place of a reader that nothing is for', async () => {
      await start({ EVENTS_STREAM_LENGTH: '50', EVENTS_HEARTBEAT_SECONDS: '0.05' });
      const some = await listen('?queue=one,two&type=cancelled&eval_id=b,c');
      const none = await listen('?queue=nothing');
      const before = none.lastEventId;
      await enqueue(['a', 'b', 'x'], 'one');
      await enqueue(['c'], 'three');
      for (const id of ['a', 'b', 'c', 'x']) await service.call('POST', `/tasks/${id}/cancel`);
      await some.until(() => some.events.length > 0);
      await enqueue(idsOf('more', 300), 'two');
      await none.until(() => none.lastEventId !== before && none.beats > 2);
      expect(some.events).toMatchObject([{ eval_id: 'b', type: 'cancelled', queue: 'one' }]);
      expect(none.events).toEqual([]);
      none.kill();
      some.kill();
      const last = await listen();
      await enqueue(['last']);
      await last.until(() => last.events.length === 1);
      const again = await listen('?queue=nothing', { lastEventId: last.lastEventId });
      await again.until(() => again.beats > 2);
      expect(again.resets).toEqual([]);
      last.kill();
      again.kill();
    });

    it('resets who comes back too late, and tells what happens from then on', async () => {
      await start({ EVENTS_STREAM_LENGTH: '20' });
      const first = await listen();
      await enqueue(['a']);
      await first.until(() => first.events.length === 1);
      first.kill();
      await enqueue(idsOf('b', 1000));
      const back = await listen('', { lastEventId: first.lastEventId });
      // One for the reader, and one more when the service itself falls behind a stream that is so short.
      await back.until(() => back.resets.length >= 1);
      for (const reset of back.resets) expect(reset).toEqual({ reason: 'too_old' });
      await enqueue(['c']);
      await back.until(() => back.events.at(-1)?.eval_id === 'c');
      const place = back.lastEventId;
      back.kill();
      await enqueue(['d']);
      const last = await listen(`?last_event_id=${place ?? ''}`);
      await last.until(() => last.events.length === 1);
      expect([last.events[0]?.eval_id, last.resets]).toEqual(['d', []]);
      last.kill();
    });

    it.each(['99999999999999999', '9999999999999999', 'abc', '-1', '1.5'])(
      'resets who comes with the id %s, which no event has',
      async (lastEventId) => {
        await start();
        const source = await listen('', { lastEventId });
        await source.until(() => source.resets.length === 1);
        expect(source.resets).toEqual([{ reason: 'unknown' }]);
        await enqueue(['a']);
        await source.until(() => source.events.length === 1);
        source.kill();
      },
    );

    it('cuts off a reader that does not read, and nobody else', async () => {
      await start({ EVENTS_SLOW_READER_SECONDS: '0.2', EVENTS_STREAM_LENGTH: '100000' });
      const good = await listen();
      const socket = connect(service.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      const readers = service.app.get(EventReaders);
      await until(() => readers.size === 2);
      socket.pause();
      let count = 0;
      while (readers.size === 2) {
        await enqueue(idsOf(`s${count}-`, 1000));
        count += 1000;
      }
      await good.until(() => good.events.length === count);
      expect(readers.size).toBe(1);
      socket.destroy();
      good.kill();
      await until(() => readers.size === 0);
    });

    it('has a limit of readers, which one that hangs up makes room in', async () => {
      await start({ EVENTS_MAX_READERS: '1' });
      const first = await listen();
      const second = await service.call('GET', '/events');
      expect([second.status, second.body.code]).toEqual([429, 'too_many_readers']);
      expect(second.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      first.kill();
      await until(() => service.app.get(EventReaders).size === 0);
      (await listen()).kill();
    });

    it('makes room when a connection closes on which it never got its turn', async () => {
      await start();
      const readers = service.app.get(EventReaders);
      const socket = connect(service.port, '127.0.0.1');
      socket.write(
        'GET /tasks/next?wait=30 HTTP/1.1\r\nHost: x\r\n\r\nGET /events HTTP/1.1\r\nHost: x\r\n\r\n',
      );
      await until(() => readers.size === 1);
      socket.destroy();
      await until(() => readers.size === 0);
    });

    it('refuses HEAD and a bad filter', async () => {
      await start();
      const head = await service.call('HEAD', '/events');
      expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET']);
      for (const query of ['type=none', 'queue=,', 'eval_id=a%20b'])
        expect((await service.call('GET', `/events?${query}`)).status).toBe(422);
    });

    it('tells a key its own queues only, and ends when the key is withdrawn', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'crucible-events-'));
      const file = join(directory, 'keys.json');
      writeFileSync(file, JSON.stringify({ keys: [keyEntry('one-key', ['one'])] }));
      await start({
        API_KEYS_FILE: file,
        API_KEY: 'admin',
        API_KEYS_RELOAD_SECONDS: '0.05',
        EVENTS_HEARTBEAT_SECONDS: '0.05',
      });
      const source = await listen('', { key: 'one-key' });
      for (const queue of ['two', 'one']) {
        const body = { eval_id: `in-${queue}`, code: 'x', queue };
        await service.call('POST', '/tasks', { key: 'admin', body });
      }
      await source.until(() => source.events.length > 0);
      expect(source.events).toMatchObject([{ eval_id: 'in-one' }]);
      writeFileSync(file, JSON.stringify({ keys: [] }));
      await source.ended();
      rmSync(directory, { recursive: true });
    });

    it('ends when the service stops', async () => {
      await start();
      const source = await listen();
      const closed = service.close();
      await source.ended();
      await closed;
      expect(source.response.complete).toBe(true);
      await start();
    });

    it(`${name === 'redis' ? 'goes on' : 'resets'} over a restart`, async () => {
      await start();
      const directory = mkdtempSync(join(tmpdir(), 'crucible-events-'));
      const env = { ...settings(), DATA_DIR: directory };
      const first = await ServiceProcess.start(env);
      const source = await EventSource.open(`${first.url}/events`);
      const post = (url: string, eval_id: string) =>
        fetch(`${url}/tasks`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ eval_id, code: 'x' }),
        });
      await post(first.url, 'a');
      await source.until(() => source.events.length === 1);
      source.kill();
      await post(first.url, 'b');
      first.signal('SIGKILL');
      await first.exited;
      const second = await ServiceProcess.start(env);
      const again = await EventSource.open(`${second.url}/events`, { lastEventId: source.lastEventId });
      await post(second.url, 'c');
      await again.until(() => again.events.at(-1)?.eval_id === 'c');
      const told = [again.resets, again.events.map(({ eval_id }) => eval_id)];
      expect(told).toEqual(name === 'redis' ? [[], ['b', 'c']] : [[{ reason: 'too_old' }], ['c']]);
      again.kill();
      await second.stop();
      rmSync(directory, { recursive: true });
    });
  });
});
