import { hash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { newKey } from '../../src/artifacts/byte-store.js';
import { ArtifactStorage } from '../../src/artifacts/artifact-storage.js';
import { DirectoryByteStore } from '../../src/artifacts/directory-byte-store.js';
import { ArtifactSweeper } from '../../src/artifacts/artifact-sweeper.js';
import { describeStores } from '../support/describe-stores.js';
import { S3Server } from '../support/s3-server.js';
import { type Answer, type TestApp } from '../support/test-app.js';

const KEY = 'all-access';

interface Put {
  readonly name?: string;
  readonly lease: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

let tasks = 0;

/** A claimed task of its own. */
async function claimed(service: TestApp, task: object = {}): Promise<{ id: string; lease: string }> {
  tasks += 1;
  const id = `eval-${tasks}`;
  await service.call('POST', '/tasks', { key: KEY, body: { eval_id: id, code: 'x', queue: id, ...task } });
  return { id, lease: await claim(service, id) };
}

async function claim(service: TestApp, queue: string): Promise<string> {
  const { body } = await service.call('GET', `/tasks/next?queue=${queue}`, { key: KEY });
  return String(body.lease_id);
}

/** With the lease alone, as a sandbox does. */
function put(
  service: TestApp,
  id: string,
  { name = 'a.txt', lease, body = 'hello', headers }: Put,
): Promise<Answer> {
  const path = `/tasks/${id}/artifacts/${encodeURIComponent(name)}`;
  return service.call('PUT', path, {
    body,
    headers: { 'X-Lease-Id': lease, 'Content-Type': 'text/plain', ...headers },
  });
}

function get(service: TestApp, id: string, name = '', headers = {}): Promise<Answer> {
  return service.call('GET', `/tasks/${id}/artifacts${name && `/${name}`}`, { key: KEY, headers });
}

function digestOf(text: string): string {
  return `sha-256=:${hash('sha256', text, 'base64')}:`;
}

/** Sends these bytes and reads until the service closes the connection. */
async function raw(service: TestApp, ...parts: readonly string[]): Promise<string> {
  const socket = connect(service.port, '127.0.0.1');
  socket.write(parts.join('\r\n'));
  return textOf(socket);
}

/** An upload of ten bytes that the service waits for. */
async function begin(service: TestApp, id: string, lease: string): Promise<{ socket: Socket }> {
  const socket = connect(service.port, '127.0.0.1');
  const head = [`PUT /tasks/${id}/artifacts/late HTTP/1.1`, 'Host: localhost', `X-Lease-Id: ${lease}`];
  const rest = ['Content-Length: 10', 'Expect: 100-continue', 'Connection: close', '', ''];
  socket.write([...head, ...rest].join('\r\n'));
  await new Promise((resolve) => socket.once('data', resolve));
  return { socket };
}

/** Lets the sweeper look at everything once. */
async function sweep(service: TestApp): Promise<void> {
  const sweeper = service.app.get(ArtifactSweeper);
  while ((await sweeper.sweepRecords()) < 60_000);
  while ((await sweeper.sweepBytes()) < 60_000);
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'owner').map(({ name }) => name);
}

describeStores((store) => {
  let service: TestApp;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'crucible-artifacts-'));
    service = await store.startApp({
      API_KEY: KEY,
      ARTIFACTS: directory,
      ARTIFACT_MAX_BYTES: '1000',
      TASK_ARTIFACTS_MAX_BYTES: '1500',
      TASK_ARTIFACTS_MAX: '3',
    });
  });
  afterAll(async () => {
    await service.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('an attempt stores an artifact with nothing but its lease', async () => {
    const { id, lease } = await claimed(service);
    const stored = await put(service, id, { lease, headers: { 'Content-Digest': digestOf('hello') } });
    const artifact = {
      name: 'a.txt',
      size: 5,
      sha256: hash('sha256', 'hello'),
      content_type: 'text/plain',
      attempt: 1,
      created_at: expect.any(String),
    };
    expect({ status: stored.status, body: stored.body }).toEqual({ status: 201, body: artifact });
    expect((await get(service, id)).body).toEqual({ eval_id: id, artifacts: [artifact] });
    const { status, text, headers } = await get(service, id, 'a.txt');
    expect({ status, text }).toEqual({ status: 200, text: 'hello' });
    expect(Object.fromEntries(headers)).toMatchObject({
      etag: `"${hash('sha256', 'hello')}"`,
      'content-type': 'text/plain',
      'content-length': '5',
      'content-disposition': 'attachment; filename="a.txt"',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
  });

  it('the same again is a repetition, and other bytes replace an artifact', async () => {
    const { id, lease } = await claimed(service);
    const before = await filesIn(directory);
    expect((await put(service, id, { lease })).status).toBe(201);
    expect((await put(service, id, { lease })).status).toBe(200);
    expect((await put(service, id, { lease, body: 'changed' })).status).toBe(200);
    expect((await get(service, id, 'a.txt')).text).toBe('changed');
    expect(await filesIn(directory)).toHaveLength(before.length + 1);
  });

  it('a stale lease stores nothing, nor does one of another task', async () => {
    const { id, lease } = await claimed(service, { max_attempts: 2, backoff: { delay: 0 } });
    const other = await claimed(service);
    await service.call('POST', `/tasks/${id}/fail`, { headers: { 'X-Lease-Id': lease }, body: {} });
    service.clock.advance(1_000);
    await service.sweep();
    const next = await claim(service, id);
    expect((await put(service, id, { lease })).body).toMatchObject({
      code: 'lease_lost',
      reason: 'reassigned',
    });
    expect((await put(service, id, { lease: other.lease })).body).toMatchObject({ code: 'lease_lost' });
    expect((await put(service, 'unknown', { lease })).body).toMatchObject({ code: 'lease_lost' });
    expect((await put(service, id, { lease: next })).body).toMatchObject({ attempt: 2 });
    expect((await get(service, id)).body.artifacts).toHaveLength(1);
  });

  it('a lease that ends during the upload stores nothing', async () => {
    const { id, lease } = await claimed(service);
    const before = await filesIn(directory);
    const { socket } = await begin(service, id, lease);
    await service.call('POST', `/tasks/${id}/cancel`, { key: KEY, body: {} });
    socket.write('0123456789');
    expect(await textOf(socket)).toContain('"reason":"cancelled"');
    expect((await get(service, id)).body.artifacts).toEqual([]);
    expect(await filesIn(directory)).toEqual(before);
  });

  it('a long upload ends soon after its lease', async () => {
    const { id, lease } = await claimed(service, { timeout: 10 });
    const { socket } = await begin(service, id, lease);
    service.clock.advance(60_000);
    socket.write('x');
    expect(await textOf(socket)).toContain('"reason":"expired"');
  });

  it('what differs from its digest is not kept', async () => {
    const { id, lease } = await claimed(service);
    const before = await filesIn(directory);
    const put1 = await put(service, id, { lease, headers: { 'Content-Digest': digestOf('other') } });
    expect({ status: put1.status, code: put1.body.code }).toEqual({ status: 422, code: 'digest_mismatch' });
    const put2 = await put(service, id, { lease, headers: { 'Content-Digest': 'sha-256=abc' } });
    expect({ status: put2.status, code: put2.body.code }).toEqual({ status: 422, code: 'invalid_request' });
    expect(await filesIn(directory)).toEqual(before);
  });

  it('limits hold for one artifact, for a task and for their number', async () => {
    const { id, lease } = await claimed(service);
    const tooLarge = await put(service, id, { lease, body: 'x'.repeat(1001) });
    expect(tooLarge.body).toMatchObject({
      code: 'too_large',
      detail: 'ARTIFACT_MAX_BYTES allows 1000 bytes',
    });
    expect((await put(service, id, { name: '1', lease, body: 'x'.repeat(1000) })).status).toBe(201);
    const tooMuch = await put(service, id, { name: '2', lease, body: 'x'.repeat(501) });
    expect(tooMuch.body).toMatchObject({
      code: 'too_large',
      detail: 'TASK_ARTIFACTS_MAX_BYTES allows 1500 bytes',
    });
    expect((await put(service, id, { name: '1', lease, body: 'x'.repeat(900) })).status).toBe(200);
    expect((await put(service, id, { name: '2', lease })).status).toBe(201);
    expect((await put(service, id, { name: '3', lease })).status).toBe(201);
    const tooMany = await put(service, id, { name: '4', lease });
    expect(tooMany.body).toMatchObject({
      code: 'too_large',
      detail: 'TASK_ARTIFACTS_MAX allows 3 artifacts',
    });
  });

  it('a body that is too large without a length is refused, and nothing stays', async () => {
    const { id, lease } = await claimed(service);
    const before = await filesIn(directory);
    const chunk = `3e9\r\n${'x'.repeat(1001)}\r\n`;
    const head = [`PUT /tasks/${id}/artifacts/a HTTP/1.1`, 'Host: localhost', `X-Lease-Id: ${lease}`];
    const answer = await raw(
      service,
      ...head,
      'Transfer-Encoding: chunked',
      'Connection: close',
      '',
      `${chunk}0\r\n\r\n`,
    );
    expect(answer).toContain('413');
    expect(await filesIn(directory)).toEqual(before);
  });

  it.each([
    ['%2e%2e', 422],
    ['..%2f..%2fetc%2fpasswd', 422],
    ['a%00b', 422],
    ['a%5Cb', 422],
    [encodeURIComponent('gpj.\u202eexe'), 422],
    ['a'.repeat(256), 422],
    ['%ff', 400],
    ['', 404],
  ])('the name %s gets %d', async (name, status) => {
    const { id, lease } = await claimed(service);
    const head = [`PUT /tasks/${id}/artifacts/${name} HTTP/1.1`, 'Host: localhost', `X-Lease-Id: ${lease}`];
    const answer = await raw(service, ...head, 'Content-Length: 1', 'Connection: close', '', 'x');
    expect(answer).toContain(`HTTP/1.1 ${status} `);
  });

  it.each([
    [{ 'Content-Type': 'text' }, 415],
    [{ 'Content-Type': `text/${'x'.repeat(300)}` }, 415],
    [{ 'Content-Encoding': 'gzip' }, 415],
    [{ 'Content-Range': 'bytes 0-4/10' }, 400],
  ])('an upload with %j gets %d', async (headers, status) => {
    const { id, lease } = await claimed(service);
    expect((await put(service, id, { lease, headers })).status).toBe(status);
  });

  it('an upload that breaks off leaves nothing', async () => {
    const { id, lease } = await claimed(service);
    const before = await filesIn(directory);
    const { socket } = await begin(service, id, lease);
    socket.write('half');
    socket.destroy();
    let files: string[];
    do files = await filesIn(directory);
    while (files.length > before.length);
    expect((await get(service, id)).body.artifacts).toEqual([]);
  });

  it('parts, revalidation and HEAD work as RFC 9110 says', async () => {
    const { id, lease } = await claimed(service);
    await put(service, id, { lease, body: '0123456789' });
    const etag = `"${hash('sha256', '0123456789')}"`;
    const part = await get(service, id, 'a.txt', { Range: 'bytes=2-4' });
    expect({ status: part.status, text: part.text }).toEqual({ status: 206, text: '234' });
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10');
    const behind = await get(service, id, 'a.txt', { Range: 'bytes=10-' });
    expect({ status: behind.status, range: behind.headers.get('content-range') }).toEqual({
      status: 416,
      range: 'bytes */10',
    });
    expect((await get(service, id, 'a.txt', { Range: 'bytes=2-4', 'If-Range': '"old"' })).status).toBe(200);
    expect((await get(service, id, 'a.txt', { 'If-None-Match': `W/"x", ${etag}` })).status).toBe(304);
    const head = await service.call('HEAD', `/tasks/${id}/artifacts/a.txt`, { key: KEY });
    expect({ status: head.status, length: head.headers.get('content-length') }).toEqual({
      status: 200,
      length: '10',
    });
    expect((await get(service, id, 'b.txt')).body).toMatchObject({ code: 'artifact_not_found' });
  });

  it('names of any script come back in the header', async () => {
    const { id, lease } = await claimed(service);
    await put(service, id, { name: 'Über "1".txt', lease });
    const { headers } = await get(service, id, encodeURIComponent('Über "1".txt'));
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="_ber _1_.txt"; filename*=UTF-8''%C3%9Cber%20%221%22.txt`,
    );
  });

  it('artifacts go with their task, and a later task with the id has none', async () => {
    const { id, lease } = await claimed(service);
    const others = await filesIn(directory);
    await put(service, id, { lease });
    await service.call('POST', `/tasks/${id}/complete`, { headers: { 'X-Lease-Id': lease }, body: {} });
    expect((await get(service, id)).body.artifacts).toHaveLength(1);
    await service.call('DELETE', `/tasks/${id}`, { key: KEY });
    service.clock.advance(10);
    await service.call('POST', '/tasks', { key: KEY, body: { eval_id: id, code: 'x', queue: id } });
    expect((await get(service, id)).body.artifacts).toEqual([]);
    expect((await get(service, id, 'a.txt')).status).toBe(404);
    await sweep(service);
    expect((await filesIn(directory)).sort()).toEqual(others.sort());
  });

  it('bytes without a record are removed, in a shared place after ten minutes', async () => {
    const before = await filesIn(directory);
    const bytes = new DirectoryByteStore(directory, false);
    await bytes.put(newKey('eval-1'), Readable.from([Buffer.from('orphan')]));
    await writeFile(join(directory, 'tmp', newKey('eval-1').slice(3)), 'half');
    await sweep(service);
    const isShared = store.name === 'redis';
    expect(await filesIn(directory)).toHaveLength(before.length + (isShared ? 2 : 0));
    service.clock.advance(600_000);
    await sweep(service);
    expect(await filesIn(directory)).toEqual(before);
  });

  it('artifacts of ended tasks stay within the retention, the oldest out first', async () => {
    const place = await mkdtemp(join(tmpdir(), 'crucible-artifacts-'));
    const small = await store.startApp({ API_KEY: KEY, ARTIFACTS: place, RETENTION_MAX_BYTES: '3000' });
    const ended: string[] = [];
    for (const body of ['1', '2']) {
      const { id, lease } = await claimed(small);
      await put(small, id, { lease, body: body.repeat(2_000) });
      await small.call('POST', `/tasks/${id}/complete`, { headers: { 'X-Lease-Id': lease }, body: {} });
      small.clock.advance(1_000);
      ended.push(id);
    }
    // The first look finds the excess, the second one frees its space.
    await sweep(small);
    await sweep(small);
    const statuses = await Promise.all(ended.map(async (id) => (await get(small, id, 'a.txt')).status));
    expect(statuses).toEqual([404, 200]);
    expect(await filesIn(place)).toHaveLength(1);
    await small.close();
    await rm(place, { recursive: true });
  });

  it('a service with another store does not use the place', async () => {
    const other = await store.startApp({ API_KEY: KEY, ARTIFACTS: directory });
    const before = await filesIn(directory);
    const { id, lease } = await claimed(other);
    expect((await put(other, id, { lease })).body).toMatchObject({
      code: 'store_unavailable',
      applied: false,
    });
    await expect(other.app.get(ArtifactSweeper).sweepBytes()).rejects.toThrow('the place of another store');
    expect(await filesIn(directory)).toEqual(before);
    await other.close();
  });

  it('a clear removes all artifacts', async () => {
    const { id, lease } = await claimed(service);
    await put(service, id, { lease });
    await service.call('DELETE', '/tasks', { key: KEY });
    expect((await put(service, id, { lease })).body).toMatchObject({ code: 'lease_lost' });
    await sweep(service);
    expect(await filesIn(directory)).toEqual([]);
  });
});

describeStores((store) => {
  let server: S3Server;
  let service: TestApp;
  const variables = { ...process.env };
  beforeAll(async () => {
    server = await S3Server.start();
    Object.assign(process.env, server.env);
    service = await store.startApp({ API_KEY: KEY, ARTIFACTS: server.place(`e2e/${store.name}`) });
  });
  afterAll(async () => {
    process.env = variables;
    await service.close();
    await server.stop();
  });

  it('S3 serves the bytes of artifacts at a signed address', async () => {
    const { id, lease } = await claimed(service);
    expect((await put(service, id, { lease })).status).toBe(201);
    const url = `${service.url}/tasks/${id}/artifacts/a.txt`;
    const redirect = await fetch(url, { headers: { 'X-API-Key': KEY }, redirect: 'manual' });
    expect(redirect.status).toBe(307);
    const answer = await fetch(redirect.headers.get('location') ?? '');
    expect({ text: await answer.text(), type: answer.headers.get('content-type') }).toEqual({
      text: 'hello',
      type: 'text/plain',
    });
  });

  it('artifacts go with their task from S3 too', async () => {
    const { id, lease } = await claimed(service);
    await put(service, id, { lease });
    const redirect = await fetch(`${service.url}/tasks/${id}/artifacts/a.txt`, {
      headers: { 'X-API-Key': KEY },
      redirect: 'manual',
    });
    await service.call('DELETE', '/tasks', { key: KEY });
    await sweep(service);
    expect((await fetch(redirect.headers.get('location') ?? '')).status).toBe(404);
  });

  it('bytes in S3 without a record are removed after ten minutes, and those with one stay', async () => {
    const { id, lease } = await claimed(service);
    await put(service, id, { lease });
    const bytes = await service.app.get(ArtifactStorage).open();
    const orphan = newKey(id);
    await bytes.put(orphan, Readable.from([Buffer.from('orphan')]));
    const keys = async () => {
      const found: string[] = [];
      for await (const step of bytes.list()) found.push(...step.map(({ key }) => key));
      return found;
    };
    const before = await keys();
    expect(before).toContain(orphan);
    await sweep(service);
    expect(await keys()).toEqual(before);
    service.clock.advance(600_000);
    await sweep(service);
    expect(await keys()).toEqual(before.filter((key) => key !== orphan));
  });

  it('an outage of S3 is answered with 503, and what differs from its digest with 422', async () => {
    const { id, lease } = await claimed(service);
    const wrong = await put(service, id, { lease, headers: { 'Content-Digest': digestOf('other') } });
    expect(wrong.body).toMatchObject({ code: 'digest_mismatch' });
    const right = process.env.AWS_SECRET_ACCESS_KEY;
    await server.stop();
    const away = await put(service, id, { lease });
    process.env.AWS_SECRET_ACCESS_KEY = right;
    expect({ status: away.status, body: away.body }).toMatchObject({
      status: 503,
      body: { code: 'store_unavailable', applied: false },
    });
    expect((await get(service, id)).body.artifacts).toEqual([]);
  });
});
