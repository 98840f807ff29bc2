import { loadConfig } from '../../src/config/config.js';
import { createLogger } from '../../src/logging/service-logger.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

const KEY = 'marker-of-the-key';
/** Wherever a client may put something that is not for a log. */
const MARKERS = {
  code: 'marker-of-code',
  metadata: 'marker-of-metadata',
  output: 'marker-of-output',
  error: 'marker-of-error',
  message: 'marker-of-progress',
  query: 'marker-of-query',
  header: 'marker of header',
  broken: 'marker-of-broken-json',
  wrongKey: 'marker-of-a-wrong-key',
} as const;

type Line = Readonly<Record<string, unknown>>;

/** A service whose log is kept, as the lines of JSON that it would write. */
class LoggedApp {
  /** What was claimed; a lease is a credential. */
  readonly leases: string[] = [];

  private constructor(
    readonly service: TestApp,
    private readonly written: readonly string[],
  ) {}

  static async start(level: string): Promise<LoggedApp> {
    const written: string[] = [];
    const env = { API_KEY: KEY, LOG_LEVEL: level, LOG_FORMAT: 'json' };
    const logger = createLogger(loadConfig(env), (text) => written.push(text));
    return new LoggedApp(await startTestApp(env, logger), written);
  }

  get text(): string {
    return this.written.join('');
  }

  lines(): Line[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  }

  /** Sends a marker in every place that takes one. */
  async sendMarkers(): Promise<void> {
    const call = (method: string, path: string, body?: unknown) =>
      this.service.call(method, path, { key: KEY, body });
    const metadata = { note: MARKERS.metadata };
    await call('POST', '/tasks', { eval_id: 'one', code: MARKERS.code, metadata, max_attempts: 2 });
    await call('POST', '/tasks', { eval_id: 'one', code: `${MARKERS.code} again` });
    const lease = async () => {
      const { body } = await call('GET', '/tasks/next?worker_id=w1');
      this.leases.push(String(body.lease_id));
      return body.lease_id;
    };
    const progress = { percent: 1, message: MARKERS.message };
    const lease_id = await lease();
    await call('POST', '/tasks/one/heartbeat', { lease_id, progress });
    await call('POST', '/tasks/one/fail', { lease_id, error: MARKERS.error, retry_after: 0 });
    await call('POST', '/tasks/one/complete', { lease_id: await lease(), output: MARKERS.output });
    await call('GET', `/tasks/one?unknown=${MARKERS.query}`);
    await call('POST', '/tasks', `{"code":"${MARKERS.broken}`);
    await call('GET', `/nowhere?key=${MARKERS.query}`);
    await this.service.call('GET', '/status', { key: MARKERS.wrongKey });
    await this.service.call('GET', '/livez', { headers: { 'X-Request-Id': MARKERS.header } });
  }

  /** The lines of these routes, when they are written. */
  async linesOf(route: string, count: number): Promise<Line[]> {
    const found = () => this.lines().filter((line) => line.route === route || line.path === route);
    await until(() => found().length >= count);
    return found();
  }
}

describe('the log', () => {
  it.each(['error', 'warn', 'info', 'debug'])('at level %s has nothing that is not for it', async (level) => {
    const app = await LoggedApp.start(level);
    await app.sendMarkers();
    if (level === 'debug') await app.linesOf('/livez', 1);
    await app.service.close();
    for (const marker of [KEY, ...Object.values(MARKERS)]) expect(app.text).not.toContain(marker);
    for (const lease of app.leases) expect(app.text).not.toContain(lease);
    expect(app.leases).toHaveLength(2);
  });

  it('has one line for each request, with what finds it again', async () => {
    const app = await LoggedApp.start('info');
    const headers = { 'X-Request-Id': 'my-request.1' };
    const answer = await app.service.call('GET', '/tasks/nobody?x=1', { key: KEY, headers });
    await app.service.call('GET', '/livez');
    await app.service.call('GET', '/no/such/path?x=1');
    const [line] = await app.linesOf('/tasks/:eval_id', 1);
    const [unrouted] = await app.linesOf('/no/such/path', 1);
    await app.service.close();
    expect(answer.headers.get('x-request-id')).toBe('my-request.1');
    expect(line).toMatchObject({
      level: 'info',
      context: 'Http',
      message: 'GET /tasks/:eval_id 404',
      method: 'GET',
      status: 404,
      request_id: 'my-request.1',
      key_id: 'default',
    });
    expect(typeof line?.duration_ms).toBe('number');
    expect(unrouted).toMatchObject({ status: 404, level: 'info' });
    expect(app.lines().some(({ route }) => route === '/livez')).toBe(false);
  });

  it('has one line for each transition at level debug', async () => {
    const app = await LoggedApp.start('debug');
    await app.sendMarkers();
    await app.linesOf('/livez', 1);
    await app.service.close();
    const types = app.lines().flatMap(({ context, type }) => (context === 'Tasks' ? [type] : []));
    expect(types).toEqual(['queued', 'processing', 'retrying', 'processing', 'completed']);
  });
});
