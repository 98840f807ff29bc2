import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiKeys } from '../../src/auth/api-keys.js';
import { LiveStreams } from '../../src/dashboard/live-streams.js';
import { LiveStream } from '../support/live-stream.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const CODE = 'print("the secret of the task")';
const KEYS = ['first', 'second'] as const;

describe('the stream of a page', () => {
  let directory: string;
  let service: TestApp;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-streams-'));
    writeKeys('producer');
    service = await startTestApp({ API_KEY: 'admin', API_KEYS_FILE: join(directory, 'keys.json') });
    await service.call('POST', '/tasks', { key: 'admin', body: { eval_id: 'watched', code: CODE } });
  });
  afterAll(async () => {
    await service.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function writeKeys(role: string): void {
    const keys = KEYS.map((id) => {
      const sha256 = createHash('sha256').update(id).digest('hex');
      return { id, sha256, roles: [role], queues: ['*'] };
    });
    writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys }));
  }

  async function signedIn(key: string): Promise<{ readonly Cookie: string }> {
    const answer = await fetch(`${service.url}/dashboard/sign-in`, {
      method: 'POST',
      headers: { Origin: service.url },
      body: new URLSearchParams({ key }),
      redirect: 'manual',
    });
    return { Cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' };
  }

  it('never carries the payload, which the page itself holds', async () => {
    const cookie = await signedIn('first');
    const page = await fetch(`${service.url}/dashboard/tasks/watched`, { headers: cookie });
    expect(await page.text()).toContain('the secret of the task');
    const stream = await LiveStream.open(`${service.url}/dashboard/tasks/watched`, cookie);
    const message = await stream.next();
    expect(message).toContain('queued');
    expect(message).not.toMatch(/secret of the task|curl/);
    stream.close();
  });

  it('says nothing of the address by which another viewer calls the service', async () => {
    const [first, second] = await Promise.all(KEYS.map(signedIn));
    const url = `${service.url}/dashboard/tasks/watched`;
    const streams = [
      await LiveStream.open(url, { ...first, Host: 'evil.example' }),
      await LiveStream.open(url, { ...second }),
    ];
    const messages = await Promise.all(streams.map((stream) => stream.next()));
    expect(messages[1]).toContain('queued');
    expect(messages.join()).not.toContain('evil.example');
    for (const stream of streams) stream.close();
  });

  it('ends when its viewer may see less than before', async () => {
    const stream = await LiveStream.open(`${service.url}/dashboard/tasks/watched`, await signedIn('first'));
    await stream.next();
    writeKeys('viewer');
    await service.app.get(ApiKeys).reload();
    const body = { worker_id: 'w' };
    const claimed = await service.call('POST', '/tasks/claim', { key: 'admin', body });
    const [{ lease_id }] = claimed.body.tasks as [{ lease_id: string }];
    const report = { lease_id, output: 'the secret of the output' };
    await service.call('POST', '/tasks/watched/complete', { key: 'admin', body: report });
    expect(await stream.next()).toBeUndefined();
    expect(stream.messages.join()).not.toContain('secret of the output');
  });

  it('is not begun when the service ends', async () => {
    const ending = await startTestApp();
    await ending.app.get(LiveStreams).onModuleDestroy();
    const headers = { 'HX-Request': 'true', Accept: 'text/event-stream' };
    const answer = await ending.call('GET', '/dashboard/queues', { headers });
    expect(answer.status).toBe(503);
    await ending.close();
  });
});
