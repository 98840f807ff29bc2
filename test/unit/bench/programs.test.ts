import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { loadConfig } from '../../../src/config/config.js';
import { runLoad } from '../../bench/load.run.js';
import type { Traffic } from '../../bench/load.traffic.js';
import { createNoopApp } from '../../bench/noop.app.js';
import { createRawServer } from '../../bench/raw.server.js';
import { ServerProcess } from '../../bench/server.process.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-programs-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the no-op service of the benchmark', () => {
  let app: INestApplication;
  let port: number;

  beforeAll(async () => {
    app = await createNoopApp(loadConfig({ REDIS_URL: '', DATA_DIR: join(directory, 'data') }));
    await app.listen(0, '127.0.0.1');
    port = Number(new URL(await app.getUrl()).port);
  });

  afterAll(() => app.close());

  const traffics: readonly Traffic[] = [
    { kind: 'enqueue', prefix: 'e', from: 0, bodyBytes: 600 },
    { kind: 'claim' },
    { kind: 'work' },
    { kind: 'read', prefix: 'e', from: 0, count: 3 },
  ];

  it.each(traffics.map((traffic) => [traffic.kind, traffic] as const))('answers %s', async (_, traffic) => {
    const { statuses } = await runLoad({ port, connections: 2, units: 3, traffic });
    expect(Object.keys(statuses)).toEqual([traffic.kind === 'enqueue' ? '201' : '200']);
  });
});

describe('the bare server of the benchmark', () => {
  it('answers an enqueue', async () => {
    const server = createRawServer().listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const traffic: Traffic = { kind: 'enqueue', prefix: 'e', from: 0, bodyBytes: 600 };
      expect((await runLoad({ port, connections: 2, units: 3, traffic })).statuses).toEqual({ '201': 3 });
    } finally {
      server.close();
    }
  });
});

describe('a program that is measured', () => {
  it.each([
    ['is killed', "process.kill(process.pid, 'SIGTERM');", 'SIGTERM'],
    ['ends', 'process.exit(3);', '3'],
  ])('is given up when it %s before it is ready', async (_, text, ending) => {
    const program = join(directory, 'programs', `${ending}.mjs`);
    mkdirSync(dirname(program), { recursive: true });
    writeFileSync(program, text);
    await expect(ServerProcess.start({ program })).rejects.toThrow(`ended with ${ending}`);
  });
});

/** Programs that `npm test` does not start: what they name must be there. */
describe('the programs of the tests', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const lines = Object.values(manifest.scripts).join('\n');
  const named = new Set(
    Array.from(lines.matchAll(/(?:scripts|test)\/[\w./-]+\.(?:mjs|ts)/g), ([file]) => file),
  );

  it.each([...named])('are there for npm run: %s', (file) => {
    expect(existsSync(file)).toBe(true);
  });

  const sources = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('test', file));
  const started = sources.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/new URL\('(\.[\w./-]*\.program\.js)'/g)].map(
      ([, target = '']) => [file, resolve(dirname(file), target).replace(/\.js$/, '.ts')] as const,
    ),
  );

  it.each(started)('are there for %s: %s', (_, target) => {
    expect(existsSync(target)).toBe(true);
  });
});
