import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FastExpressAdapter } from '../../src/http/express-adapter.js';
import { filled, type HostileEntry, requestBytes } from '../support/hostile-request.js';
import { HOSTILE_KEYS, quickEntries, valuesOf, writeHostileKeys } from '../support/hostile-target.js';
import { exchange } from '../support/raw-exchange.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** The same service twice: one finds its routes by the table, one by Express alone. */
let apps: readonly [byTable: TestApp, byExpress: TestApp];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-routes-'));
  writeHostileKeys(join(directory, 'keys.json'));
  const settings = { API_KEYS_FILE: join(directory, 'keys.json') };
  apps = [await startTestApp(settings), await startTestApp(settings, false, { usesRouteTable: false })];
  for (const app of apps) {
    const body = { eval_id: 'existing-1', code: 'x' };
    await app.call('POST', '/tasks', { body, key: HOSTILE_KEYS.producer });
  }
});

afterAll(async () => {
  for (const app of apps) await app.close();
  await rm(directory, { recursive: true, force: true });
});

function tableOf({ app }: TestApp) {
  return (app.getHttpAdapter() as unknown as FastExpressAdapter).routes;
}

/** Without what differs between two answers to one request: the date, ids that are counted, and random ones. */
function comparable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text
    .replace(/^Content-Length: .*$/gm, (line) => (text.includes('"uptime"') ? 'Content-Length' : line))
    .replace(/^(Date|X-Request-Id): .*$/gim, '$1')
    .replace(/"(lease_id|batch_id|schedule_id)":"[^"]*"/g, '"$1"')
    .replace(/"uptime":[\d.]+/g, '"uptime"');
}

/** Whether the table answers: for anything else both are the same code. What is no proper request gets no further than Node. */
function isInTable(entry: HostileEntry, index: number): boolean {
  if (entry.raw !== undefined || entry.rawBase64 !== undefined) return false;
  const path = filled(entry.path ?? '/', valuesOf(index));
  return tableOf(apps[0])?.find(entry.method, path) !== undefined;
}

describe('the table of routes', () => {
  it('has every route of the hot paths', () => {
    const hot = [
      'POST /tasks',
      'GET /tasks/next?wait=1',
      'POST /tasks/claim',
      'GET /tasks/a',
      'POST /tasks/batch',
    ];
    const held = ['heartbeat', 'complete', 'fail', 'release'].map((what) => `POST /tasks/a/${what}`);
    const found = [...hot, ...held].map((line) => {
      const [method = '', target = ''] = line.split(' ');
      return tableOf(apps[0])?.find(method, target)?.route.path;
    });
    expect(found).toEqual([
      '/tasks',
      '/tasks/next',
      '/tasks/claim',
      '/tasks/:eval_id',
      '/tasks/batch',
      ...['heartbeat', 'complete', 'fail', 'release'].map((what) => `/tasks/:eval_id/${what}`),
    ]);
  });

  it('answers hostile requests as Express does, byte for byte', async () => {
    const different: string[] = [];
    let compared = 0;
    for (const [index, entry] of quickEntries.entries()) {
      if (!isInTable(entry, index)) continue;
      compared += 1;
      const bytes = requestBytes(entry, valuesOf(index));
      const [byTable, byExpress] = await Promise.all(
        apps.map(async ({ port }) => comparable((await exchange(port, bytes)).bytes)),
      );
      if (byTable !== byExpress) different.push(`${entry.id}:\n${byTable}\n${byExpress}`);
    }
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(300);
  });
});
