import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describeStores } from '../support/describe-stores.js';
import { exchange } from '../support/raw-exchange.js';
import type { TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

function ask(line: string, headers = ''): string {
  return `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;
}

describeStores(({ startApp, settings }) => {
  describe('a page of another site', () => {
    let service: TestApp;

    beforeAll(async () => {
      service = await startApp({ ALLOWED_HOSTS: 'queue.example' });
      await service.call('POST', '/tasks', { body: { eval_id: 'a', code: 'x' } });
    });

    afterAll(() => service.close());

    it.each([
      'GET /tasks/next',
      'GET /tasks/next?wait=1',
      'POST /tasks',
      'POST /tasks/batch',
      'POST /tasks/claim',
      'POST /tasks/a/cancel',
      'POST /tasks/redrive',
      'POST /batches/b/cancel',
      'POST /queues/default/pause',
      'PATCH /queues/default',
      'POST /schedules',
      'DELETE /schedules/s',
      'DELETE /tasks',
      'DELETE /tasks/a',
      'POST /workers/w/drain',
      'POST /webhooks/deliveries/d/redeliver',
      'POST /dashboard/tasks/a/cancel',
      'POST /dashboard/queues/default/pause',
      'POST /dashboard/sign-out',
    ])('cannot %s', async (request) => {
      const [method = '', path = ''] = request.split(' ');
      const sites: readonly Readonly<Record<string, string>>[] = [
        { 'Sec-Fetch-Site': 'cross-site' },
        { Origin: 'https://evil.example' },
        { Referer: 'http://evil.example/page?of=it' },
        { Referer: `http://127.0.0.1:${service.port + 1}/` },
      ];
      for (const site of sites) {
        expect((await service.call(method, path, { headers: site })).status).toBe(403);
      }
      expect((await service.call('GET', '/tasks/a')).body).toMatchObject({ status: 'queued', attempt: 0 });
    });

    it('cannot reach the service by a name of its own', async () => {
      const line = (host: string, path: string) =>
        Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      const statusOf = async (host: string, path: string) =>
        (await exchange(service.port, line(host, path))).statuses;
      expect(await statusOf('evil.example', '/tasks')).toEqual([403]);
      expect(await statusOf('evil.example', '/tasks/next')).toEqual([403]);
      expect(await statusOf('evil.example', '/dashboard')).toEqual([403]);
      expect(await statusOf('evil.example', '/livez')).toEqual([200]);
      expect(await statusOf('queue.example:8081', '/tasks')).toEqual([200]);
      expect((await service.call('GET', '/tasks/a')).body).toMatchObject({ attempt: 0 });
    });
  });

  describe('one connection', () => {
    let service: TestApp;
    const sockets: Socket[] = [];

    beforeAll(async () => {
      service = await startApp({ MAX_PARKED_POLLS: '20', MAX_PIPELINED_REQUESTS: '100' });
    });

    afterAll(async () => {
      for (const socket of sockets) socket.destroy();
      await service.close();
    });

    async function open(): Promise<Socket> {
      const socket = connect(service.port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    }

    it('does not take all places of parked polls', async () => {
      const poll = ask('GET /tasks/next?wait=20');
      for (const _time of [1, 2, 3]) (await open()).write(poll.repeat(90));
      // Answered behind what the others have sent; a fourth of them is worked on at a time.
      expect((await service.call('GET', '/livez')).status).toBe(200);
      const { status, text } = await service.call('GET', '/tasks/next?wait=0.05');
      expect([status, text]).toEqual([200, 'null']);
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    it('is ended when more is outstanding on it than the setting allows', async () => {
      const { end } = await exchange(service.port, Buffer.from(ask('GET /openapi.json').repeat(1_700)));
      expect(end).toBe('close');
      expect((await service.call('GET', '/livez')).status).toBe(200);
    });

    it('is answered in order up to that, with a body behind parked polls too', async () => {
      const lines = Array.from({ length: 40 }, (_, index) =>
        ask(`GET /tasks/next?wait=0.05&worker_id=w${index}`),
      );
      const body = '{"eval_id":"last","code":"x","queue":"q"}';
      const post = `${ask('POST /tasks', `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n`)}${body}`;
      const { statuses, end } = await exchange(service.port, Buffer.from(lines.join('') + post));
      expect([statuses, end]).toEqual([[...Array<number>(40).fill(200), 201], 'close']);
    });
  });

  describe('slow clients', () => {
    const OUTPUT = JSON.stringify('x'.repeat(1_900_000));
    let service: TestApp;
    let connections: number;
    const sockets: Socket[] = [];

    beforeAll(async () => {
      service = await startApp({ MAX_BUFFERED_BYTES: '4194304' });
      await service.call('POST', '/tasks', { body: { eval_id: 'a', code: 'x' } });
      await service.call('GET', '/tasks/next');
      const done = await service.call('POST', '/tasks/a/complete', {
        body: { output: 'x'.repeat(1_900_000) },
      });
      expect(done.status).toBe(200);
      (service.app.getHttpServer() as Server).on('connection', (socket: Socket) => {
        connections += 1;
        socket.once('close', () => {
          connections -= 1;
        });
      });
    });

    beforeEach(() => {
      connections = 0;
    });

    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    afterAll(() => service.close());

    async function open(bytes: string): Promise<Socket> {
      const socket = connect(service.port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
      socket.pause();
      socket.write(bytes);
      return socket;
    }

    it('cannot fill the memory with answers that they do not read', async () => {
      for (let number = 0; number < 6; number += 1) await open(ask('GET /tasks/a/output').repeat(20));
      await until(() => connections < 6);
      expect((await service.call('GET', '/tasks/a/output')).text).toBe(OUTPUT);
    });

    it('cannot fill the memory with bodies that they do not end', async () => {
      const headers = 'Content-Type: application/json\r\nContent-Length: 2000000\r\n';
      const begun = `${ask('POST /tasks', headers)}{"eval_id":"slow","code":"${'x'.repeat(1_500_000)}`;
      const [first, , , last] = [await open(begun), await open(begun), await open(begun), await open(begun)];
      const answers = [first, last].map((socket) => {
        const answer = { text: '' };
        socket.resume().on('data', (chunk: Buffer) => (answer.text += chunk.toString()));
        return answer;
      });
      await until(() => answers[0]?.text.includes('too many unfinished bodies') === true);
      expect(answers[0]?.text).toContain('HTTP/1.1 408');
      // Its code is too long, which is found out when the body has been read to its end.
      last.write(`${'x'.repeat(2_000_000 - begun.length + begun.indexOf('{') - 2)}"}`);
      await until(() => answers[1]?.text.includes('HTTP/1.1 422') === true);
      const body = { eval_id: 'quick', code: 'x'.repeat(1_000_000) };
      expect((await service.call('POST', '/tasks', { body })).status).toBe(201);
    });
  });

  describe('a session', () => {
    let replicas: readonly TestApp[];

    beforeAll(async () => {
      const place: Readonly<Record<string, string>> = { ...settings(), API_KEY: 'the-key' };
      replicas = [await startApp(place)];
      if (place.QUEUE_STORE === 'redis') replicas = [...replicas, await startApp(place)];
    });

    afterAll(() => Promise.all(replicas.map((replica) => replica.close())));

    async function signIn(service: TestApp): Promise<string> {
      const answer = await fetch(`${service.url}/dashboard/sign-in`, {
        method: 'POST',
        headers: { 'Sec-Fetch-Site': 'same-origin' },
        body: new URLSearchParams({ key: 'the-key' }),
        redirect: 'manual',
      });
      return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    }

    async function statusOf(service: TestApp, cookie: string, path = ''): Promise<number> {
      const url = `${service.url}/dashboard${path}`;
      return (await fetch(url, { headers: { Cookie: cookie }, redirect: 'manual' })).status;
    }

    it('ends for good with its sign-out, on all replicas, and no other does', async () => {
      const [first, ...others] = replicas;
      if (first === undefined) throw new Error('No replica');
      const [cookie, other] = [await signIn(first), await signIn(first)];
      expect(cookie).not.toBe(other);
      for (const replica of replicas) expect(await statusOf(replica, cookie)).toBe(200);
      const headers = { 'Sec-Fetch-Site': 'same-origin', Cookie: cookie };
      const url = `${first.url}/dashboard/sign-out`;
      for (const _time of [1, 2]) await fetch(url, { method: 'POST', headers, redirect: 'manual' });
      for (const replica of [first, ...others]) {
        expect(await statusOf(replica, cookie)).toBe(303);
        expect(await statusOf(replica, other)).toBe(200);
      }
    });

    it('is over when it was begun under a clock that was ahead', async () => {
      const [service] = replicas;
      if (service === undefined) throw new Error('No replica');
      service.clock.advanceSeconds(86_400);
      const cookie = await signIn(service);
      expect(await statusOf(service, cookie)).toBe(200);
      service.clock.advanceSeconds(-86_400);
      expect(await statusOf(service, cookie)).toBe(303);
    });

    it('counts whatever other cookies of its name come before or after it', async () => {
      const [service] = replicas;
      if (service === undefined) throw new Error('No replica');
      const cookie = await signIn(service);
      const [name = ''] = cookie.split('=');
      const value = cookie.slice(name.length + 1);
      const broken = [
        `${name}=broken`,
        `${name}=`,
        name,
        `${name}=default|1|x|y`,
        `${name}=${value.slice(0, -1)}`,
      ];
      for (const other of broken) {
        expect(await statusOf(service, `${other}; ${cookie}`)).toBe(200);
        expect(await statusOf(service, `${cookie}; ${other}; ${other}`)).toBe(200);
        expect(await statusOf(service, other)).toBe(303);
      }
      expect(await statusOf(service, `other=1; ${broken.join('; ')}; ${cookie}`)).toBe(200);
    });
  });
});
