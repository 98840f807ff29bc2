import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from '../../src/client/index.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const KEY = 'the-key-that-no-sandbox-has';
const run = promisify(execFile);

describe('examples/sandbox', () => {
  let service: TestApp;
  let client: Client;
  beforeAll(async () => {
    service = await startTestApp({ API_KEY: KEY });
    client = new Client({ url: service.url, apiKey: KEY });
  });
  afterAll(() => service.close());

  async function dispatch(): Promise<void> {
    const { PATH } = process.env;
    const env = { PATH, QUEUE_URL: service.url, QUEUE_API_KEY: KEY, SANDBOX_PROGRAM: 'sh -s' };
    const command = ['examples/sandbox/dispatch.mjs', '--until-empty'];
    await run(process.execPath, command, { env, timeout: 60_000 });
  }

  it('runs code with the lease alone, under a time limit, and keeps its files', async () => {
    await client.enqueue({ eval_id: 'good', code: 'echo 42; echo done > report; env > environment' });
    await client.enqueue({ eval_id: 'bad', code: 'echo no >&2; echo why > trace; exit 3' });
    await client.enqueue({ eval_id: 'endless', code: 'echo begun; sleep 60', timeout: 1 });
    await dispatch();
    expect(await client.output('good')).toEqual({ text: '42\n' });
    const names = async (id: string) => (await client.artifacts.list(id)).map(({ name }) => name);
    expect(await names('good')).toEqual(['environment', 'report']);
    const environment = await (await client.artifacts.download('good', 'environment')).text();
    expect(environment).not.toMatch(new RegExp(`${KEY}|QUEUE_LEASE_ID`));
    expect(await client.get('bad')).toMatchObject({ status: 'failed', error: 'no\n', exit_code: 3 });
    expect(await names('bad')).toEqual(['trace']);
    expect(await client.get('endless')).toMatchObject({
      status: 'failed',
      error: 'begun\n',
      cause: 'timeout',
    });
  });
});
