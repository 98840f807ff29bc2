import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from '../support/service-process.js';

const EXAMPLE = 'examples/extension/dist/run-times.module.js';
const ADMIN = 'the-key-of-the-admin';
const VIEWER = 'the-key-of-a-viewer';
const WORKER = 'the-key-of-a-worker';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-extension-'));
  execFileSync(process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'examples/extension/tsconfig.json',
  ]);
}, 60_000);

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function keysFile(): string {
  const path = join(directory, 'keys.json');
  const entry = (id: string, key: string, role: string) => {
    const sha256 = createHash('sha256').update(key).digest('hex');
    return { id, sha256, roles: [role], queues: ['*'], not_before: null, expires: null };
  };
  const keys = [entry('v', VIEWER, 'viewer'), entry('w', WORKER, 'worker')];
  writeFileSync(path, JSON.stringify({ keys }));
  return path;
}

describe('examples/extension', () => {
  let service: ServiceProcess;

  beforeAll(async () => {
    const env = { API_KEY: ADMIN, API_KEYS_FILE: keysFile(), EXTENSIONS: EXAMPLE };
    service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data'), ...env });
  });

  afterAll(async () => {
    await service.stop();
  });

  async function call(path: string, key: string | undefined, body?: object): Promise<[number, object]> {
    const headers = { 'Content-Type': 'application/json', ...(key !== undefined && { 'X-API-Key': key }) };
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`${service.url}${path}`, init);
    return [answer.status, (await answer.json()) as object];
  }

  it('adds a route that hears of what the service does', async () => {
    expect(await call('/run-times', VIEWER)).toEqual([200, {}]);
    for (const eval_id of ['one', 'two']) {
      await call('/tasks', ADMIN, { eval_id, code: '1', language: 'lua' });
      await call('/tasks/next', WORKER);
      await call(`/tasks/${eval_id}/complete`, WORKER, {});
    }
    const [status, body] = await call('/run-times', VIEWER);
    expect([status, body]).toEqual([200, { lua: { tasks: 2, mean_seconds: expect.any(Number) as number } }]);
  });

  it('is not in the OpenAPI document, as it is not described', async () => {
    const answer = await fetch(`${service.url}/openapi.json`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(readFileSync('docs/openapi.json', 'utf8'));
  });

  it('is guarded like every other route', async () => {
    expect((await call('/run-times', undefined))[0]).toBe(401);
    expect((await call('/run-times', WORKER))[0]).toBe(403);
  });
});

describe('EXTENSIONS', () => {
  async function failedStart(file: string): Promise<[number | NodeJS.Signals, string]> {
    const service = await ServiceProcess.spawn({ DATA_DIR: join(directory, 'unused'), EXTENSIONS: file });
    return [await service.exited, service.log];
  }

  it('stops the start with one line for a file that is not there, or is no module', async () => {
    const noModule = join(directory, 'nothing.mjs');
    writeFileSync(noModule, 'export const nothing = 1;\n');
    const [[missingCode, missing], [emptyCode, empty]] = await Promise.all([
      failedStart('not/there.js'),
      failedStart(noModule),
    ]);
    expect([missingCode, emptyCode]).toEqual([1, 1]);
    expect(missing).toMatch(/^crucible-queue cannot start: Cannot load the extension not\/there\.js: .+\n$/);
    expect(empty).toBe(
      `crucible-queue cannot start: The default export of the extension ${noModule} is not a Nest module\n`,
    );
  });
});
