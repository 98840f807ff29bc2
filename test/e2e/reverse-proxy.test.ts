import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { Certificates } from '../support/certificates.js';
import { callerAt, fillWithTasks } from '../support/dashboard-tasks.js';
import { Nginx } from '../support/nginx.js';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

const KEY = 'key-behind-the-proxy';
const PAGES = [
  '/dashboard',
  '/dashboard/queues',
  '/dashboard/queues/gpu',
  '/dashboard/queues/gpu/purge',
  '/dashboard/tasks',
  '/dashboard/tasks?status=failed',
  '/dashboard/tasks/eval-2026-1005',
  '/dashboard/tasks/hostile-1',
  '/dashboard/dead-letters',
  '/dashboard/bulk?action=redrive&status=failed',
  '/dashboard/enqueue?from=eval-2026-1005',
  '/dashboard/batches',
  '/dashboard/batches/nightly-2026-11-24',
  '/dashboard/workers',
  '/dashboard/workers/worker-a',
  '/dashboard/schedules',
  '/dashboard/schedules/nightly',
  '/dashboard/new-schedule',
  '/dashboard/webhooks',
  '/dashboard/events',
  '/dashboard/no-such-page',
  '/dashboard/tasks/no-such-task',
  '/no-such-page',
  '/docs',
  '/redoc',
];

/** What a browser would ask the host of the page for. */
function addressesIn(text: string): string[] {
  return [...text.matchAll(/ [\w:-]+="(\/[^"]*)"/g)].map(([, address = '']) =>
    address.replaceAll('&amp;', '&'),
  );
}

describe('the service under a path of a proxy', () => {
  let service: TestApp;
  let cookie: string;

  beforeAll(async () => {
    service = await startTestApp({ BASE_PATH: '/queue', TRUST_PROXY: 'true', API_KEY: KEY });
    const call = callerAt(`${service.url}/queue`, KEY);
    await fillWithTasks(call);
    await call('POST', '/schedules', { schedule_id: 'nightly', cron: '0 2 * * *', task: { code: 'x' } });
    const answer = await signIn('/queue', { 'X-Forwarded-Proto': 'https' });
    cookie = answer.headers.get('set-cookie') ?? '';
  });
  afterAll(() => service.close());

  function signIn(prefix: string, headers: Record<string, string>): Promise<Response> {
    return fetch(`${service.url}${prefix}/dashboard/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ key: KEY, next: '/dashboard/tasks' }),
      headers: { 'Sec-Fetch-Site': 'same-origin', ...headers },
    });
  }

  function page(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return service.call('GET', path, { headers: { Accept: 'text/html', Cookie: cookie, ...headers } });
  }

  it('answers under the path and without it, with addresses under the path', async () => {
    const body = { eval_id: 'proxied', code: 'x', queue: 'proxied' };
    for (const path of ['/queue/tasks', '/tasks']) {
      const { headers } = await service.call('POST', path, { key: KEY, body });
      expect(headers.get('location')).toBe('/queue/tasks/proxied');
    }
    expect((await service.call('GET', '/livez')).status).toBe(200);
    for (const path of ['/tasks', '/queue/tasks', '/queue/batches', '/queue/schedules']) {
      const { headers } = await service.call('GET', `${path}?limit=1`, { key: KEY });
      const link = headers.get('link') ?? '</queue/';
      expect(link).toContain('</queue/');
      expect(link).not.toContain('/queue/queue');
    }
    expect((await service.call('GET', '/queuetasks', { key: KEY })).status).toBe(404);
    expect((await service.call('GET', '/queue/nothing', { key: KEY })).body.detail).toBe(
      'There is no such path; /queue/docs lists the API',
    );
  });

  it.each(['', '/queue'])('gives its pages addresses under the path, asked for at "%s"', async (start) => {
    for (const path of PAGES) {
      const { status, text, headers } = await page(start + path);
      expect([path, status]).toEqual([path, path.includes('no-such') ? 404 : expect.any(Number)]);
      expect(status).toBeLessThan(500);
      const addresses = addressesIn(text);
      expect([path, addresses.filter((address) => !address.startsWith('/queue/'))]).toEqual([path, []]);
      if (path.startsWith('/dashboard')) expect(addresses.length).toBeGreaterThan(3);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });

  it('shows commands that reach it from outside', async () => {
    const { text } = await page('/queue/dashboard/tasks/eval-2026-1005');
    expect(text).toContain(`${service.url.replace('[::1]', 'localhost')}/queue/tasks/eval-2026-1005`);
  });

  it('leads to its pages, and keeps the session to its path', async () => {
    expect((await fetch(`${service.url}/queue/`, NOT_FOLLOWED)).headers.get('location')).toBe(
      '/queue/dashboard',
    );
    expect(
      (await fetch(`${service.url}/queue/dashboard/tasks?x=1`, NOT_FOLLOWED)).headers.get('location'),
    ).toBe('/queue/dashboard/sign-in?next=%2Fdashboard%2Ftasks%3Fx%3D1');
    const stream = { Accept: 'text/event-stream', 'HX-Request': 'true' };
    const ended = await service.call('GET', '/queue/dashboard', { headers: stream });
    expect(ended.headers.get('hx-redirect')).toBe('/queue/dashboard/sign-in?next=%2Fdashboard');
    expect(cookie).toContain('Path=/queue/dashboard; ');
    expect(cookie).toContain('; Secure');
  });

  it('names itself in the OpenAPI document and on its pages', async () => {
    const { body, headers } = await service.call('GET', '/queue/openapi.json');
    expect(body.servers).toMatchObject([{ url: '/queue' }]);
    expect(Object.keys(body.paths as object)).toContain('/tasks');
    const etag = headers.get('etag') ?? '';
    const known = await service.call('GET', '/queue/openapi.json', { headers: { 'If-None-Match': etag } });
    expect(known.status).toBe(304);
    expect((await service.call('GET', '/queue/openapi.yaml')).text).toMatch(/servers:\n {2}- url: \/queue\n/);
    expect((await service.call('GET', '/queue/docs')).text).toContain('src="/queue/docs/start.js"');
    expect((await service.call('GET', '/queue/docs/start.js')).text).toContain("url: 'openapi.json'");
  });

  it('follows the prefix that a trusted proxy removed, unless it is not a plain path', async () => {
    const link = async (prefix: string) => {
      const headers = { 'X-Forwarded-Prefix': prefix };
      const { headers: answered } = await service.call('GET', '/tasks?limit=1', { key: KEY, headers });
      return answered.get('link')?.split('?')[0];
    };
    expect(await link('/team/queue')).toBe('</team/queue/tasks');
    expect(await link('//evil.example')).toBe('</queue/tasks');
    expect(addressesIn((await page('/dashboard', { 'X-Forwarded-Prefix': '/a' })).text)).toContain(
      '/a/dashboard',
    );
    expect((await signIn('', { 'X-Forwarded-Prefix': '/a' })).headers.get('set-cookie')).toContain(
      'Path=/a/dashboard;',
    );
  });

  describe('through the nginx of deploy/proxy', () => {
    let certificates: Certificates;
    let nginx: Nginx;
    let agent: Agent;

    beforeAll(async () => {
      certificates = new Certificates();
      nginx = await Nginx.start(service.port, certificates);
      agent = new Agent({ ...certificates.clientOptions, keepAlive: false });
    });
    afterAll(async () => {
      agent.destroy();
      await nginx.stop();
      certificates.remove();
    });

    async function open(
      method: string,
      path: string,
      headers = {},
      body?: string | Buffer,
    ): Promise<IncomingMessage> {
      const host = { host: '127.0.0.1', port: nginx.port, agent };
      const sent = request({ ...host, method, path, headers: { 'X-API-Key': KEY, ...headers } }).end(body);
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      return response.setEncoding('utf8');
    }

    async function ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
      const sent = body === undefined ? [] : [{ 'Content-Type': 'application/json' }, JSON.stringify(body)];
      return JSON.parse(await textOf(await open(method, path, ...(sent as [])))) as Record<string, unknown>;
    }

    it('serves the API over TLS, a long poll and an event stream as they happen', async () => {
      const events = await open('GET', '/queue/events?queue=tls');
      const poll = ask('GET', '/queue/tasks/next?queue=tls&wait=50');
      const created = await open(
        'POST',
        '/queue/tasks',
        { 'Content-Type': 'application/json' },
        JSON.stringify({ eval_id: 'over-tls', code: 'x'.repeat(1_000_000), queue: 'tls' }),
      );
      expect([created.statusCode, created.headers.location]).toEqual([201, '/queue/tasks/over-tls']);
      created.resume();
      expect(await poll).toMatchObject({ eval_id: 'over-tls' });
      const seen = collected(events);
      await until(() => seen().includes('"type":"processing"'));
      expect(seen()).toContain('"eval_id":"over-tls"');
      events.destroy();
    });

    it('streams a live page, whose addresses are under the path', async () => {
      const [session = ''] = cookie.split(';');
      const headers = { Cookie: session, Accept: 'text/event-stream', 'HX-Request': 'true' };
      const live = await open('GET', '/queue/dashboard/queues', headers);
      const seen = collected(live);
      await until(() => {
        service.clock.advanceSeconds(1);
        return seen().includes('data: ') && seen().endsWith('\n\n');
      });
      live.destroy();
      expect(addressesIn(seen())).toContain('/queue/dashboard/queues/gpu');
      expect(addressesIn(seen()).filter((address) => !address.startsWith('/queue/'))).toEqual([]);
    });

    it('takes forms of the dashboard, whose origin is that of the proxy', async () => {
      const headers = {
        'Content-Type': 'application/x-www-form-urlencoded',
        Origin: `https://127.0.0.1:${nginx.port}`,
      };
      const body = new URLSearchParams({ key: KEY, next: '/dashboard/tasks' }).toString();
      const answer = await open('POST', '/queue/dashboard/sign-in', headers, body);
      answer.resume();
      expect([answer.statusCode, answer.headers.location]).toEqual([303, '/queue/dashboard/tasks']);
      expect(answer.headers['set-cookie']?.[0]).toMatch(/Path=\/queue\/dashboard; .*; Secure$/);
    });

    it('leaves other paths to the rest of the host', async () => {
      const other = await open('GET', '/queues');
      other.resume();
      expect([other.statusCode, String(other.headers.server)]).toEqual([
        404,
        expect.stringMatching(/^nginx/),
      ]);
    });
  });
});

const NOT_FOLLOWED = { redirect: 'manual', headers: { Accept: 'text/html' } } as const;

/** What has come of a stream so far. */
function collected(response: IncomingMessage): () => string {
  let text = '';
  response.on('data', (part: string) => (text += part));
  return () => text;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) text += String(part);
  return text;
}
