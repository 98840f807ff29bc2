import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { endServer, endWithParent } from '../support/server-process.js';
import { until } from '../support/until.js';

let directory: string;
let installed: string;

/** Packs what is built, and unpacks it where a package manager would, beside the packages that it needs. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-package-'));
  const options = { encoding: 'utf8' } as const;
  const packed = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory],
    options,
  );
  execFileSync('tar', ['-xzf', join(directory, packed.trim()), '-C', directory]);
  installed = join(directory, 'package');
  symlinkSync(resolve('node_modules'), join(installed, 'node_modules'));
}, 60_000);

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('the packed package', () => {
  it('holds what runs and what is read, and nothing of the tests', () => {
    const names = execFileSync('find', ['.', '-type', 'f', '-not', '-path', './node_modules/*'], {
      cwd: installed,
      encoding: 'utf8',
    }).split('\n');
    expect(names).toEqual(expect.arrayContaining(['./README.md', './LICENSE', './NOTICE', './CHANGELOG.md']));
    expect(names).toEqual(expect.arrayContaining(['./dist/main.js', './dist/extension.d.ts']));
    expect(names).toEqual(
      expect.arrayContaining(['./dist/client/heartbeat.thread.js', './dist/assets/openapi.yaml']),
    );
    expect(names.filter((name) => /^\.\/(src|test|scripts|deploy|examples)\//.test(name))).toEqual([]);
  });

  it('starts, serves its pages and scripts, and ends', async () => {
    const port = await freePort();
    mkdirSync(join(directory, 'work'));
    const child = spawn(process.execPath, [join(installed, 'dist/main.js')], {
      cwd: join(directory, 'work'),
      env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), REDIS_URL: '' },
      stdio: 'ignore',
    });
    endWithParent(child);
    const url = `http://127.0.0.1:${port}`;
    const isReady = () =>
      fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    await until(isReady);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'healthy', version });
    for (const page of ['/docs', '/redoc', '/openapi.json'])
      expect((await fetch(url + page)).status).toBe(200);
    await endServer(child, 'SIGTERM');
    expect(child.exitCode).toBe(0);
  });
});

/** A worker whose handler blocks for longer than its lease, as the program of somebody who has installed the package. */
const BLOCKING = `
  const [url, queue] = process.argv.slice(2);
  const client = new Client({ url });
  const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5500);
  const codes = [];
  const onEvent = ({ error }) => error && codes.push(error.code);
  const worker = new Worker(client, async () => void block(), { queues: [queue], lease: 4, onEvent });
  client
    .enqueue({ eval_id: queue, code: '', queue, max_attempts: 1 })
    .then(() => worker.run({ maxTasks: 1 }))
    .then((summary) => console.log(JSON.stringify({ summary, codes })));`;

describe('the installed package', () => {
  it('finds the thread that keeps the leases of handlers that block, imported and required', async () => {
    const app = join(directory, 'app');
    mkdirSync(join(app, 'node_modules'), { recursive: true });
    symlinkSync(installed, join(app, 'node_modules/crucible-queue'));
    const head = `{ Client, Worker }`;
    writeFileSync(join(app, 'imported.mjs'), `import ${head} from 'crucible-queue/client';${BLOCKING}`);
    writeFileSync(join(app, 'required.cjs'), `const ${head} = require('crucible-queue/client');${BLOCKING}`);
    const service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data') });
    const run = promisify(execFile);
    const programs = ['imported.mjs', 'required.cjs'];
    const ends = programs.map(async (file) => {
      const args = [join(app, file), service.url, file.slice(0, 8)];
      const { stdout, stderr } = await run(process.execPath, args, { env: { PATH: process.env.PATH } });
      return { ...(JSON.parse(stdout) as object), isWarned: stderr.includes('WorkerHeartbeatWarning') };
    });
    const summary = { completed: 1, failed: 0, released: 0, lost: 0 };
    const end = { summary, codes: expect.not.arrayContaining(['no_heartbeat_thread']), isWarned: false };
    expect(await Promise.all(ends)).toEqual([end, end]);
    await service.stop();
  });
});

describe('scripts/check-release.mjs', () => {
  it('finds one version everywhere', () => {
    execFileSync(process.execPath, ['scripts/check-release.mjs']);
  });

  it('refuses a tag of another version', () => {
    const check = () =>
      execFileSync(process.execPath, ['scripts/check-release.mjs', 'v99.0.0'], { stdio: 'pipe' });
    expect(check).toThrow('the tag is v99.0.0');
  });
});
