import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { WebhookCourier } from '../../src/webhooks/webhook-courier.js';
import { Webhooks } from '../../src/webhooks/webhooks.js';
import { describeStores } from '../support/describe-stores.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import type { TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { ACCEPT, type Received, WebhookReceiver } from '../support/webhook-receiver.js';

const SECRET = `whsec_${Buffer.from('a secret of twenty-four!').toString('base64')}`;
const HOUR_MS = 3_600_000;

interface DeliveryView {
  readonly delivery_id: string;
  readonly message_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly event: { readonly eval_id?: string };
}

describeStores(({ name, startApp, settings }) => {
  let receiver: WebhookReceiver;
  let service: TestApp;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });

  afterEach(async () => {
    await service.close();
    await receiver.stop();
  });

  async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    service = await startApp({ WEBHOOK_ALLOW_PRIVATE: 'true', WEBHOOK_SECRET: SECRET, ...env });
  }

  function enqueue(id: string, fields: object = {}) {
    return service.call('POST', '/tasks', { body: { eval_id: id, code: 'a secret', ...fields } });
  }

  function sweep(): Promise<void> {
    return service.app.get(WebhookCourier).sweep();
  }

  async function deliveries(query = ''): Promise<readonly DeliveryView[]> {
    const { status, body } = await service.call('GET', `/webhooks/deliveries${query}`);
    expect(status).toBe(200);
    return body.deliveries as DeliveryView[];
  }

  /** Signed by the library for the time that the headers name. */
  function expectSigned({ headers, text }: Received): void {
    const at = new Date(Number(headers['webhook-timestamp']) * 1000);
    const id = String(headers['webhook-id']);
    expect(headers['webhook-signature']).toBe(new Webhook(SECRET).sign(id, at, text));
  }

  describe('webhooks', () => {
    it('reach a receiver that fails half the time, every event at least once, under one id each', async () => {
      await start({ WEBHOOK_URL: receiver.url, WEBHOOK_EVENTS: 'queued,processing,cancelled' });
      let count = 0;
      receiver.behaviour = (response) => {
        count += 1;
        response.writeHead(count % 2 === 0 ? 200 : 500).end();
      };
      const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
      for (const id of ids) await enqueue(id);
      await service.call('POST', '/tasks/claim', { body: { worker_id: 'w1', max_tasks: 20 } });
      for (const id of ids) await service.call('POST', `/tasks/${id}/cancel`);
      await sweep();
      while ((await deliveries('?status=pending')).length > 0) {
        service.clock.advance(HOUR_MS);
        await sweep();
      }
      const byMessage = new Map(receiver.received.map(({ headers, text }) => [headers['webhook-id'], text]));
      const told = [...byMessage.values()].map((text) => JSON.parse(text) as Record<string, unknown>);
      const expected = ids.flatMap((id) =>
        ['queued', 'processing', 'cancelled'].map((type) => `${id} ${type}`),
      );
      expect(told.map((event) => `${String(event.eval_id)} ${String(event.type)}`).toSorted()).toEqual(
        expected.toSorted(),
      );
      expect(receiver.received.length).toBeGreaterThan(expected.length);
      receiver.received.forEach(expectSigned);
      expect(JSON.stringify(receiver.received)).not.toContain('a secret');
      const kept = await deliveries('?limit=1000');
      expect(kept).toHaveLength(60);
      expect(kept.every(({ status }) => status === 'delivered')).toBe(true);
    });

    it('tell the address of a task its end, and nothing else', async () => {
      await start();
      const callback_url = `${receiver.url}?token=hidden`;
      const { status } = await enqueue('a', { callback_url });
      expect(status).toBe(201);
      expect((await service.call('GET', '/tasks/a')).body.callback_url).toBe(receiver.url);
      await enqueue('b');
      await service.call('GET', '/tasks/next');
      await service.call('POST', '/tasks/a/complete', { body: { output: 'a secret' } });
      await service.call('POST', '/tasks/b/cancel');
      await sweep();
      expect(receiver.received.map(({ body }) => body)).toMatchObject([
        { eval_id: 'a', type: 'completed', status: 'completed', sequence: 3 },
      ]);
      expect(receiver.received[0]?.headers['content-type']).toBe('application/json');
      const listed = await service.call('GET', '/webhooks/deliveries');
      expect(listed.text).not.toContain('hidden');
      expect(listed.text).not.toContain('a secret');
    });

    it.each(['ftp://example.org', 'http://user:pass@example.org', 'nonsense', 'http://'])(
      'are not sent to %s: the task is refused',
      async (callback_url) => {
        await start();
        const { status, body } = await enqueue('a', { callback_url });
        expect([status, body.errors]).toMatchObject([422, [{ pointer: '/callback_url' }]]);
      },
    );

    it.each([
      ...[
        '127.0.0.1',
        '127.1',
        '2130706433',
        '0x7f.1',
        '0177.0.0.1',
        '127.0.0.1.',
        '10.0.0.1',
        '169.254.169.254',
      ],
      ...[
        '[::1]',
        '[::]',
        '[::ffff:127.0.0.1]',
        '[::ffff:7f00:1]',
        '[fe80::1]',
        '[fd00::1]',
        '[64:ff9b::7f00:1]',
      ],
      ...['localhost', 'LOCALHOST.', 'queue.localhost', 'localhost.localdomain', 'ip6-localhost'],
    ])('are refused for %s when it is given, unless that is allowed', async (host) => {
      await start({ WEBHOOK_ALLOW_PRIVATE: 'false' });
      const callback_url = `http://${host}:${receiver.port}/`;
      const task = { eval_id: 'a', code: 'x' };
      const batch = { callback_url, tasks: [task] };
      const schedule = { schedule_id: 's', cron: '@daily', task: { code: 'x', callback_url } };
      const answers = [
        await enqueue('a', { callback_url }),
        await service.call('POST', '/tasks/batch', { body: batch }),
        await service.call('POST', '/schedules', { body: schedule }),
      ];
      expect(answers.map(({ status, body }) => [status, body.errors])).toMatchObject([
        [422, [{ pointer: '/callback_url' }]],
        [422, [{ pointer: '/callback_url' }]],
        [422, [{ pointer: '/task/callback_url' }]],
      ]);
      const items = {
        tasks: [
          { ...task, callback_url },
          { eval_id: 'b', code: 'x' },
        ],
      };
      const { body } = await service.call('POST', '/tasks/batch', { body: items });
      expect(body).toMatchObject({ accepted: 1, rejected: 1, results: [{ problem: { status: 422 } }, {}] });
      expect((await service.call('GET', '/tasks/a')).status).toBe(404);
    });

    it('are not sent to a name that leads to an address that is not public, unless that is allowed', async () => {
      await start({ WEBHOOK_ALLOW_PRIVATE: 'false' });
      // As an older version took it in.
      const url = `http://localhost:${receiver.port}/`;
      await service.app.get(Webhooks).send({ id: 'm', url, body: {} });
      await sweep();
      expect(receiver.received).toEqual([]);
      expect(await deliveries()).toMatchObject([
        { status: 'pending', last_error: expect.stringContaining('not public') },
      ]);
    });

    it('wait as long as the receiver asks, follow no redirect, and are given up after their time', async () => {
      await start({ WEBHOOK_URL: receiver.url, WEBHOOK_RETRY_SECONDS: '3600' });
      receiver.behaviour = (response) => {
        response.writeHead(503, { 'Retry-After': '600' }).end();
      };
      await enqueue('a');
      await service.call('POST', '/tasks/a/cancel');
      await sweep();
      service.clock.advanceSeconds(599);
      await sweep();
      expect(receiver.received).toHaveLength(1);
      receiver.behaviour = (response) => {
        response.writeHead(307, { Location: receiver.url }).end();
      };
      service.clock.advanceSeconds(1);
      await sweep();
      expect(receiver.received).toHaveLength(2);
      expect(await deliveries()).toMatchObject([{ status: 'pending', attempts: 2, last_status: 307 }]);
      service.clock.advanceSeconds(3600);
      await sweep();
      expect(await deliveries()).toMatchObject([{ status: 'parked', attempts: 3 }]);
      service.clock.advanceSeconds(3600);
      await sweep();
      expect(receiver.received).toHaveLength(3);
    });

    it('end an attempt that is not answered in time', async () => {
      await start({ WEBHOOK_URL: receiver.url, WEBHOOK_TIMEOUT_SECONDS: '0.2' });
      receiver.behaviour = () => undefined;
      await enqueue('a');
      await service.call('POST', '/tasks/a/cancel');
      await sweep();
      expect(await deliveries()).toMatchObject([
        { status: 'pending', last_error: 'No answer within 200 ms' },
      ]);
    });

    it('are parked when the receiver says that it is gone, shown, and sent again on demand', async () => {
      await start({ WEBHOOK_URL: receiver.url });
      receiver.behaviour = (response) => {
        response.writeHead(410).end();
      };
      for (const id of ['a', 'b']) {
        await enqueue(id);
        await service.call('POST', `/tasks/${id}/cancel`);
        await sweep();
      }
      const parked = await deliveries('?status=parked&eval_id=a');
      expect(parked).toMatchObject([
        { attempts: 1, last_status: 410, event: { eval_id: 'a', type: 'cancelled' } },
      ]);
      receiver.behaviour = ACCEPT;
      const path = `/webhooks/deliveries/${parked[0]?.delivery_id ?? ''}/redeliver`;
      expect((await service.call('POST', path)).status).toBe(200);
      await sweep();
      expect(await deliveries('?eval_id=a')).toMatchObject([{ status: 'delivered', attempts: 1 }]);
      expect(await deliveries('?eval_id=b')).toMatchObject([{ status: 'parked', attempts: 1 }]);
      const [first, , again] = receiver.received;
      expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
      const unknown = await service.call('POST', '/webhooks/deliveries/none/redeliver');
      expect([unknown.status, unknown.body.code]).toEqual([404, 'delivery_not_found']);
    });

    it('carry messages of other parts of the service, the same one once', async () => {
      await start();
      const webhooks = service.app.get(Webhooks, { strict: false });
      const message = {
        id: 'batch-1-ended',
        url: receiver.url,
        body: { type: 'batch.ended', batch_id: '1' },
      };
      await webhooks.send(message);
      await sweep();
      await webhooks.send(message);
      await sweep();
      expect(receiver.received.map(({ body }) => body)).toEqual([message.body]);
      receiver.received.forEach(expectSigned);
    });

    it('tell the address of a batch its end', async () => {
      await start();
      const tasks = ['a', 'b'].map((eval_id) => ({ eval_id, code: 'x' }));
      const body = { tasks, batch_id: 'run-1', callback_url: receiver.url };
      expect((await service.call('POST', '/tasks/batch', { body })).status).toBe(200);
      for (const id of ['a', 'b']) await service.call('POST', `/tasks/${id}/cancel`);
      await until(async () => {
        await sweep();
        return receiver.received.length > 0;
      });
      expect(receiver.received.map((received) => received.body)).toMatchObject([
        { type: 'batch.done', batch_id: 'run-1', total: 2, counts: { cancelled: 2 } },
      ]);
      receiver.received.forEach(expectSigned);
    });

    it('are listed page by page', async () => {
      await start({ WEBHOOK_URL: receiver.url });
      for (const id of ['a', 'b', 'c']) {
        await enqueue(id);
        await service.call('POST', `/tasks/${id}/cancel`);
        await sweep();
      }
      const seen: unknown[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query = cursor === '' ? '' : `&cursor=${cursor}`;
        const { body } = await service.call('GET', `/webhooks/deliveries?limit=1${query}`);
        seen.push(...(body.deliveries as DeliveryView[]).map(({ event }) => event.eval_id));
        cursor = body.next_cursor as string | null;
      }
      expect(seen).toEqual(['c', 'b', 'a']);
    });

    it('survive the death of the service: what was pending is delivered after a restart', async () => {
      await start();
      const directory = mkdtempSync(join(tmpdir(), 'crucible-webhooks-'));
      const port = await freePort();
      const env = {
        ...settings(),
        DATA_DIR: directory,
        WEBHOOK_ALLOW_PRIVATE: 'true',
        WEBHOOK_SECRET: SECRET,
        WEBHOOK_URL: `http://127.0.0.1:${port}/`,
        WEBHOOK_EVENTS: 'queued',
      };
      const first = await ServiceProcess.start(env);
      const ids = Array.from({ length: 30 }, (_, index) => `t${index}`);
      const tasks = ids.map((eval_id) => ({ eval_id, code: 'x' }));
      const headers = { 'Content-Type': 'application/json' };
      const answer = await fetch(`${first.url}/tasks/batch`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ tasks }),
      });
      expect(answer.status).toBe(200);
      first.signal('SIGKILL');
      await first.exited;
      const late = await WebhookReceiver.start(port);
      const second = await ServiceProcess.start(env);
      while (new Set(late.received.map(({ body }) => body.eval_id)).size < ids.length) await late.next();
      for (const { text, headers: sent } of late.received) {
        const signed = sent as Record<string, string>;
        expect(new Webhook(SECRET).verify(text, signed)).toMatchObject({ type: 'queued' });
      }
      await second.stop();
      await late.stop();
      rmSync(directory, { recursive: true });
    }, 120_000);

    it('tell the end of a batch also when the service dies right after it', async () => {
      await start();
      const directory = mkdtempSync(join(tmpdir(), 'crucible-webhooks-'));
      const env = { ...settings(), DATA_DIR: directory, WEBHOOK_ALLOW_PRIVATE: 'true' };
      const first = await ServiceProcess.start(env);
      const call = (method: string, path: string, body?: object) =>
        fetch(first.url + path, {
          method,
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        });
      const tasks = [{ eval_id: 't', code: 'x' }];
      await call('POST', '/tasks/batch', { tasks, batch_id: 'b', callback_url: receiver.url });
      await call('GET', '/tasks/next');
      expect((await call('POST', '/tasks/t/complete', {})).status).toBe(200);
      first.signal('SIGKILL');
      await first.exited;
      const second = await ServiceProcess.start(env);
      await until(() => receiver.received.length > 0).finally(() => second.stop());
      const counts = { completed: 1 };
      expect(receiver.received[0]?.body).toMatchObject({ type: 'batch.done', batch_id: 'b', counts });
      rmSync(directory, { recursive: true });
    }, 120_000);

    if (name === 'redis') {
      it('are delivered by one of two replicas, whichever made the transition', async () => {
        const shared = { ...settings(), WEBHOOK_URL: receiver.url };
        await start(shared);
        const other = await startApp({ WEBHOOK_ALLOW_PRIVATE: 'true', ...shared });
        const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
        for (const [index, id] of ids.entries()) {
          await enqueue(id);
          await (index % 2 === 0 ? service : other).call('POST', `/tasks/${id}/cancel`);
        }
        const sweeps = [service, other].map(({ app }) => app.get(WebhookCourier).sweep());
        await Promise.all(sweeps);
        await until(() => receiver.received.length >= ids.length);
        expect(receiver.received.map(({ body }) => body.eval_id).toSorted()).toEqual(ids.toSorted());
        await other.close();
      });
    }
  });
});
