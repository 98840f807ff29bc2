import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runChild } from '../../src/cli/child-handler.js';
import { artifacts } from '../../src/cli/commands/artifacts.js';
import { Context } from '../../src/cli/context.js';
import { Client, type Handler, LeaseLost, Worker } from '../../src/client/index.js';
import { S3Server } from '../support/s3-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const KEY = 'all-access';

describe('artifacts of workers', () => {
  let service: TestApp;
  let client: Client;
  let folder: string;
  beforeAll(async () => {
    service = await startTestApp({ API_KEY: KEY, ARTIFACT_MAX_BYTES: '1000000' });
    client = new Client({ url: service.url, apiKey: KEY });
    folder = await mkdtemp(join(tmpdir(), 'crucible-saved-'));
  });
  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  async function carryOut(id: string, handler: Handler): Promise<void> {
    await client.enqueue({ eval_id: id, code: 'x', queue: id });
    await new Worker(client, handler, { queues: [id], heartbeatThread: false }).run({ untilEmpty: true });
  }

  function shell(script: string): Handler {
    const { PATH } = process.env;
    const command = ['sh', '-c', script] as const;
    return (task, context) => runChild(task, context, { command, environment: { PATH } });
  }

  async function names(id: string): Promise<readonly string[]> {
    return (await client.artifacts.list(id)).map(({ name }) => name);
  }

  it('are sent as text, bytes, Blob or stream', async () => {
    await carryOut('forms', async (_, { putArtifact }) => {
      await putArtifact('a', 'é', { contentType: 'text/plain' });
      await putArtifact('b', new Uint8Array([1, 2]));
      await putArtifact('c', new Blob(['blob']));
      await putArtifact('d', new Blob(['stream']).stream());
      await putArtifact('e', { size: 4, open: () => new Blob(['open']).stream() });
    });
    const sizes = (await client.artifacts.list('forms')).map(({ name, size }) => `${name} ${size}`);
    expect(sizes).toEqual(['a 2', 'b 2', 'c 4', 'd 6', 'e 4']);
    expect(await (await client.artifacts.download('forms', 'd')).text()).toBe('stream');
  });

  it('are refused after the lease', async () => {
    await client.enqueue({ eval_id: 'late', code: 'x', queue: 'late' });
    const [task] = await client.claim({ worker_id: 'w', queues: ['late'] });
    if (task === undefined) throw new Error('Nothing was ready');
    await client.complete(task);
    await expect(client.artifacts.put({ ...task, name: 'a' }, 'x')).rejects.toThrow(LeaseLost);
  });

  it('are the files that a command of `work` leaves, whether it succeeds or fails', async () => {
    const leave =
      'cd "$CRUCIBLE_ARTIFACTS"; echo 42 > report; : > empty; mkdir sub; ln -s /etc/passwd link; ln report hard';
    await carryOut('left', shell(leave));
    expect(await client.get('left')).toMatchObject({ status: 'completed' });
    expect(await names('left')).toEqual(['empty']);
    await carryOut('broken', shell('echo why > "$CRUCIBLE_ARTIFACTS/log"; exit 3'));
    expect(await client.get('broken')).toMatchObject({ status: 'failed', exit_code: 3 });
    expect(await (await client.artifacts.download('broken', 'log')).text()).toBe('why\n');
  });

  it('fail the attempt of a command when the service refuses them', async () => {
    await carryOut('large', shell('head -c 1000001 /dev/zero > "$CRUCIBLE_ARTIFACTS/zero"'));
    const { status, error } = await client.get('large');
    expect({ status, error }).toEqual({
      status: 'failed',
      error: expect.stringContaining('ARTIFACT_MAX_BYTES allows 1000000 bytes'),
    });
  });

  it('are saved by the command line, which overwrites nothing', async () => {
    await carryOut('saved', async (_, { putArtifact }) => {
      await putArtifact('Über.txt', 'text');
      await putArtifact('b', 'bytes');
    });
    const context = new Context({ url: service.url, format: 'json' });
    Object.assign(context, { client });
    const directory = join(folder, 'new');
    await artifacts('saved', { download: directory }, context);
    expect((await readdir(directory)).sort()).toEqual(['b', 'Über.txt']);
    expect(await readFile(join(directory, 'Über.txt'), 'utf8')).toBe('text');
    await expect(artifacts('saved', { download: directory }, context)).rejects.toThrow('the file exists');
  });
});

describe('artifacts in S3', () => {
  const variables = { ...process.env };
  let server: S3Server;
  let service: TestApp;
  beforeAll(async () => {
    server = await S3Server.start();
    Object.assign(process.env, server.env);
    service = await startTestApp({ API_KEY: KEY, ARTIFACTS: server.place('clients') });
  });
  afterAll(async () => {
    await service.close();
    process.env = variables;
    await server.stop();
  });
  afterEach(() => {
    const withKey = server.seen.filter((headers) => 'x-api-key' in headers);
    expect(withKey).toEqual([]);
  });

  it('are downloaded without the key', async () => {
    const keys: (string | null)[] = [];
    const client = new Client({
      url: service.url,
      apiKey: KEY,
      fetch: (input, init) => {
        keys.push(new Headers(init?.headers).get('X-API-Key'));
        return fetch(input, init);
      },
    });
    await client.enqueue({ eval_id: 'a', code: 'x' });
    const [task] = await client.claim({ worker_id: 'w' });
    if (task === undefined) throw new Error('Nothing was ready');
    await client.artifacts.put({ ...task, name: 'model' }, 'weights');
    keys.length = 0;
    expect(await (await client.artifacts.download('a', 'model')).text()).toBe('weights');
    expect(keys).toEqual([KEY, null]);
  });

  it('are downloaded by the Python library without the key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-saved-'));
    const weights = 'weights '.repeat(500_000 / 8);
    const client = new Client({ url: service.url, apiKey: KEY });
    await client.enqueue({ eval_id: 'python', code: weights });
    const before = server.seen.length;
    const { PATH } = process.env;
    const env = { PATH, PYTHONDONTWRITEBYTECODE: '1', QUEUE_API_KEY: KEY };
    const program = ['test/support/artifacts.worker.py', service.url, folder];
    const { stdout } = await promisify(execFile)('python3', program, { env });
    expect(stdout.split('\n')).toEqual([hash('sha256', weights), 'trained model.bin', '']);
    expect(await readdir(folder)).toEqual(['trained model.bin']);
    expect(await readFile(join(folder, 'trained model.bin'), 'utf8')).toBe(weights);
    expect(server.seen.length).toBeGreaterThan(before);
    await rm(folder, { recursive: true });
  });
});

describe('the task page of the dashboard', () => {
  it('lists artifacts and downloads them', async () => {
    const service = await startTestApp();
    const client = new Client({ url: service.url });
    await client.enqueue({ eval_id: 'a', code: 'x' });
    const [task] = await client.claim({ worker_id: 'w' });
    if (task === undefined) throw new Error('Nothing was ready');
    const pane = 'aria-label="Artifacts"';
    expect((await service.call('GET', '/dashboard/tasks/a')).text).not.toContain(pane);
    await client.artifacts.put({ ...task, name: '<b>.txt' }, 'x'.repeat(1536), { contentType: 'text/html' });
    const { text } = await service.call('GET', '/dashboard/tasks/a');
    expect(text).toContain(pane);
    expect(text).toContain('1.5 KiB');
    expect(text).not.toContain('<b>.txt');
    const path = '/dashboard/tasks/a/artifacts/%3Cb%3E.txt';
    expect(text).toContain(`href="${path}"`);
    const download = await service.call('GET', path);
    expect(download.text).toHaveLength(1536);
    expect(download.headers.get('content-disposition')).toContain('attachment');
    expect(download.headers.get('content-security-policy')).toContain('sandbox');
    await service.close();
  });
});
