import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../../src/client/index.js';
import { CommandProcess } from '../support/command.process.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const API_KEY = 'a-key-for-the-test-of-the-command-line';

describe('crucible-queue', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-cli-'));
  const data = join(folder, 'data');
  let service: ServiceProcess;
  let client: Client;
  let env: Record<string, string>;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: data, API_KEY });
    client = new Client({ url: service.url, apiKey: API_KEY });
    env = { QUEUE_URL: service.url, QUEUE_API_KEY: API_KEY };
  });

  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => client.clear({ all: true }));

  async function call(args: readonly string[], input?: string) {
    const command = new CommandProcess(args, { env, input });
    const code = await command.ended();
    return { code, stdout: command.stdout, stderr: command.stderr };
  }

  it.each([
    ['no key', '', 'The service requires an API key: set QUEUE_API_KEY'],
    ['a wrong key', 'wrong', 'QUEUE_API_KEY is not a valid key'],
  ])('names its own variable when it has %s', async (_, key, message) => {
    const command = new CommandProcess(['list'], { env: { ...env, QUEUE_API_KEY: key } });
    expect(await command.ended()).toBe(77);
    expect(command.stderr).toBe(`crucible-queue: ${message}\n`);
  });

  it('streams what a command writes into the log of its task, and prints and follows it', async () => {
    await client.enqueue({ eval_id: 'log', code: '', max_attempts: 2, backoff: { type: 'fixed', delay: 0 } });
    const followed = new CommandProcess(['logs', '-f', 'log'], { env });
    const script = String.raw`if [ $QUEUE_ATTEMPT = 1 ]; then echo first; exit 1; fi; printf '\033[31mrot\033[0m\377\n' >&2; echo err >&2; sleep 0.2; echo end`;
    await call(['work', '--until-empty', '--quiet', '--', 'sh', '-c', script]);
    await until(async () => (await client.get('log')).status !== 'delayed');
    await call(['work', '--until-empty', '--quiet', '--', 'sh', '-c', script]);
    expect((await client.get('log')).status).toBe('completed');
    const { bytes } = await client.readLog('log');
    const lines = Buffer.from(bytes).toString('latin1').split('\n').toSorted();
    expect(lines).toEqual(['', '\u001b[31mrot\u001b[0m\u00ff', 'end', 'err']);
    expect((await call(['logs', 'log', '--attempt', '1'])).stdout).toBe('first\n');
    expect(await followed.ended()).toBe(0);
    expect(followed.stdout).toMatch(/^first\n(.|\n)*end\n$/);
    expect((await call(['logs', 'nothing'])).code).toBe(66);
  });

  it('enqueues a file, lists it, and prints what it became', async () => {
    const file = join(folder, 'eval.py');
    writeFileSync(file, 'print("ü")\n');
    const enqueued = await call([
      'enqueue',
      file,
      '--id',
      'one',
      '--priority',
      '-3',
      '--metadata',
      '{"a":1}',
    ]);
    expect(JSON.parse(enqueued.stdout)).toMatchObject({ eval_id: 'one', priority: -3 });
    const [task] = await client.claim({ worker_id: 'w' });
    expect(task).toMatchObject({ code: 'print("ü")\n', metadata: { a: 1 } });
    if (task !== undefined) await client.complete(task, { stdout: 'ü\n' });
    const [listed, table, output, field] = await Promise.all([
      call(['list', '--status', 'completed']),
      call(['list', '-o', 'table']),
      call(['output', 'one']),
      call(['output', 'one', '--field', 'stdout']),
    ]);
    expect(JSON.parse(listed.stdout)).toMatchObject({ eval_id: 'one', status: 'completed' });
    expect(table.stdout).toMatch(/^EVAL_ID +STATUS .*\none +completed /);
    expect(output.stdout).toBe('{"stdout":"ü\\n"}\n');
    expect(field.stdout).toBe('ü\n');
  });

  it('enqueues a task a line, reports the refused ones, and waits for the rest', async () => {
    const lines =
      '{"eval_id":"a","code":"1"}\n\n{"eval_id":"b","code":"2","timeout":0}\n{"eval_id":"c","code":"3"}\n';
    const enqueued = await call(['enqueue', '-', '--ndjson', '--queue', 'q'], lines);
    expect(enqueued.code).toBe(1);
    expect(
      enqueued.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { eval_id: 'a', status: 'queued', line: 1 },
      { eval_id: 'b', line: 3, index: 1, problem: { code: 'invalid_request' } },
      { eval_id: 'c', status: 'queued', line: 4 },
    ]);
    expect(enqueued.stderr).toMatch(/^crucible-queue: 1 task was refused; -, line 3 \(b\): .*timeout/m);
    expect(await client.get('c')).toMatchObject({ queue: 'q' });
    const waiting = call(
      ['enqueue', '-', '--ndjson', '--queue', 'q', '--wait'],
      lines.replace(/.*timeout.*\n/, ''),
    );
    const worked = await call(['work', '-q', '--queue', 'q', '--until-empty', '--', 'cat']);
    expect(worked).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout } = await waiting;
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).eval_id)
        .sort(),
    ).toEqual(['a', 'c']);
  });

  it('enqueues for a group and for workers that offer something', async () => {
    const enqueue = (id: string, ...options: string[]) =>
      call(['enqueue', '-', '--id', id, '--queue', 'q', ...options], '1');
    expect((await enqueue('mine', '--group', 'ann', '--requires', 'gpu=a100,zone=eu')).code).toBe(0);
    await enqueue('other', '--group', 'bob');
    const listed = await call(['list', '--group', 'ann']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ eval_id: 'mine', group: 'ann' });
    expect(await client.get('mine')).toMatchObject({ requires: { gpu: 'a100', zone: 'eu' } });
    const work = (...options: string[]) => call(['work', '--until-empty', ...options, '--', 'true']);
    expect((await work('--queue', 'q')).code).toBe(0);
    expect(await client.get('mine')).toMatchObject({ status: 'queued' });
    expect((await work('--weights', 'q=2,r=1', '--labels', 'gpu=a100,zone=eu,more=1')).code).toBe(0);
    expect(await client.get('mine')).toMatchObject({ status: 'completed' });
    expect((await work('--weights', 'q=2', '--queue', 'q')).code).toBe(64);
    expect((await work('--weights', 'q=much')).code).toBe(64);
    expect((await enqueue('bad', '--requires', 'gpu')).code).toBe(64);
  });

  it('numbers lines and tasks of a file that takes several requests', async () => {
    const lines = Array.from({ length: 501 }, (_, number) =>
      JSON.stringify({ eval_id: `n-${number}`, code: '1' }),
    );
    const enqueued = await call(['enqueue', '-', '--ndjson'], `\n${lines.join('\n')}\n{"code":7}`);
    expect(JSON.parse(enqueued.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      index: 501,
      line: 503,
    });
    const broken = await call(['enqueue', '-', '--ndjson'], `${lines.join('\n')}\n\n[]\n`);
    expect(broken.code).toBe(65);
    expect(broken.stderr).toBe(
      'crucible-queue: -, line 503: not a JSON object; 500 tasks were enqueued before\n',
    );
    const huge = JSON.stringify({ eval_id: 'huge', code: 'x'.repeat(3 * 1024 * 1024) });
    const tooLarge = await call(['enqueue', '-', '--ndjson'], `${lines[0]}\n${huge}\n${lines[1]}\n`);
    expect([tooLarge.code, tooLarge.stderr]).toEqual([
      65,
      expect.stringMatching(/: -, line 2: .*; 1 task was enqueued before$/m),
    ]);
  });

  it('says by its exit code what is wrong', async () => {
    await client.enqueue({ eval_id: 'known', code: 'x' });
    const calls: [number, string[], Record<string, string>?][] = [
      [0, ['--version']],
      [64, ['get']],
      [64, ['list', '--limit', 'many']],
      [64, ['list', '--limit', '-1']],
      [64, ['get', '']],
      [64, ['stats', '--watch', '0']],
      [64, ['enqueue', '-', '--delay', 'Infinity']],
      [64, ['--url', 'nowhere', 'list']],
      [0, ['--url', 'nowhere', 'list', '--url', env.QUEUE_URL ?? '']],
      [0, ['-o', 'json', 'list']],
      [65, ['enqueue', '-', '--id', 'known']],
      [66, ['get', 'unknown']],
      [66, ['enqueue', join(folder, 'absent')]],
      [66, ['enqueue', join(folder, 'absent'), '--ndjson']],
      [66, ['enqueue', folder, '--ndjson']],
      [75, ['get', 'known', '--wait', '0']],
      [77, ['stats'], { ...env, QUEUE_API_KEY: 'wrong' }],
    ];
    const codes = await Promise.all(
      calls.map(([, args, other]) => new CommandProcess(args, { env: other ?? env, input: 'other' }).ended()),
    );
    expect(codes).toEqual(calls.map(([code]) => code));
  });

  it('runs a command for each task and takes its exit code for the outcome', async () => {
    const codes = { completed: 0, failed: 3, permanent: 65, later: 75 };
    for (const [eval_id, code] of Object.entries(codes))
      await client.enqueue({
        eval_id,
        code: `echo out; echo err >&2; exit ${code}`,
        max_attempts: 2,
        backoff: { delay: 300 },
      });
    const { code, stderr } = await call(['work', '-j', '4', '--until-empty', '--', 'sh']);
    expect(code).toBe(0);
    expect(stderr).toContain('"completed":1,"failed":3');
    expect(await client.output('completed')).toBe('out\n');
    expect(await client.get('failed')).toMatchObject({ status: 'delayed', error: 'err\n', exit_code: 3 });
    expect(await client.get('permanent')).toMatchObject({ status: 'failed', error: 'err\n', exit_code: 65 });
    expect(await client.get('later')).toMatchObject({ status: 'delayed', exit_code: 75 });
  });

  it('gives a command the lease and not the key', async () => {
    await client.enqueue({ eval_id: 'env', code: 'env' });
    await call(['work', '--once', '--', 'sh']);
    const variables = (await client.output('env')) as string;
    expect(variables).toMatch(/^QUEUE_EVAL_ID=env$/m);
    expect(variables).toMatch(/^QUEUE_LEASE_ID=.{16}/m);
    expect(variables).not.toContain(API_KEY);
  });

  it('kills a command, and what it has started, when its task is cancelled', async () => {
    const pids = join(folder, 'pids');
    await client.enqueue({
      eval_id: 'long',
      code: `sleep 1000 & echo $! $$ > ${pids}.new; mv ${pids}.new ${pids}; wait`,
    });
    const worker = new CommandProcess(['work', '--once', '--lease', '6', '--', 'sh'], { env });
    await until(() => read(pids) !== undefined);
    await client.cancel('long');
    expect(await worker.ended()).toBe(0);
    for (const pid of (read(pids) ?? '').trim().split(' ')) await until(() => !isRunning(Number(pid)));
    expect(await client.get('long')).toMatchObject({ status: 'cancelled' });
  });

  it('drains at the first signal and gives back at the second', async () => {
    const started = join(folder, 'started');
    const finish = join(folder, 'finish');
    const code = `echo >> ${started}; until test -e ${finish}; do sleep 0.05; done`;
    await client.enqueue({ eval_id: 'short', code });
    await client.enqueue({ eval_id: 'endless', code: `echo >> ${started}; sleep 1000` });
    const worker = new CommandProcess(['work', '-j', '2', '--', 'sh'], { env });
    await until(() => read(started) === '\n\n');
    worker.child.kill('SIGTERM');
    await until(() => worker.stderr.includes('Finishing'));
    await client.enqueue({ eval_id: 'unseen', code });
    writeFileSync(finish, '');
    await until(async () => (await client.get('short')).status === 'completed');
    worker.child.kill('SIGTERM');
    expect(await worker.ended()).toBe(0);
    expect(await client.get('endless')).toMatchObject({ status: 'queued', failures: 0, interruptions: 0 });
    expect(await client.get('unseen')).toMatchObject({ status: 'queued', attempt: 0 });
  });

  it('blames no task when the command cannot be started', async () => {
    await client.enqueue({ eval_id: 'innocent', code: 'x' });
    const { code, stderr } = await call(['work', '--', join(folder, 'absent')]);
    expect(code).toBe(69);
    expect(stderr).toContain('cannot be started');
    expect(await client.get('innocent')).toMatchObject({ status: 'queued', failures: 0 });
  });

  it('steers tasks', async () => {
    await client.enqueue({ eval_id: 'a', code: 'exit 65' });
    await call(['work', '--once', '--', 'sh']);
    expect(JSON.parse((await call(['deadletters'])).stdout)).toMatchObject({ eval_id: 'a', exit_code: 65 });
    expect(JSON.parse((await call(['redrive', '--status', 'failed'])).stdout)).toMatchObject({
      tasks_redriven: 1,
    });
    expect(JSON.parse((await call(['cancel', 'a', '--reason', 'enough'])).stdout)).toMatchObject({
      status: 'cancelled',
    });
    expect((await call(['redrive'])).code).toBe(64);
    for (const filter of [
      ['--status', 'failed'],
      ['--queue', 'q'],
      ['--group', 'g'],
      ['--limit', '1'],
    ])
      expect((await call(['redrive', 'some-task', ...filter])).code).toBe(64);
    expect(JSON.parse((await call(['stats'])).stdout)).toMatchObject({ queue: 'default', cancelled: 1 });
  });

  it('copies the store of a running service, and puts the copy in the place of another', async () => {
    const backup = join(folder, 'backup');
    const other = join(folder, 'other');
    mkdirSync(other);
    const tasks = Array.from({ length: 50 }, (_, index) => ({
      eval_id: `kept-${index}`,
      code: `code ${index}`,
    }));
    await client.enqueueBatch(tasks);
    const admin = (args: string[], directory: string) =>
      new CommandProcess(args, { env: { DATA_DIR: directory } });
    const copying = admin(['backup', backup], data);
    const [copied] = await Promise.all([
      copying.ended(),
      client.enqueue({ eval_id: 'meanwhile', code: 'x' }),
    ]);
    expect({ copied, stderr: copying.stderr }).toEqual({ copied: 0, stderr: '' });
    const [again, inUse, sound] = [['backup', backup], ['check'], ['check', backup, '-o', 'table']].map(
      (args) => admin(args, data),
    );
    expect([await again?.ended(), await inUse?.ended(), await sound?.ended()]).toEqual([1, 1, 0]);
    expect(sound?.stdout).toMatch(/^tasks +5[01]$/m);
    expect(await admin(['restore', backup], other).ended()).toBe(0);
    const restored = await ServiceProcess.start({ DATA_DIR: other });
    try {
      const [task] = await new Client({ url: restored.url }).claim({ worker_id: 'w', max_tasks: 1 });
      expect(task).toMatchObject(tasks[0] ?? {});
    } finally {
      await restored.stop();
    }
    const file = readFileSync(join(backup, 'queue.mdb'));
    writeFileSync(join(backup, 'queue.mdb'), file.fill(0xff, 8192));
    const damaged = ['check', 'restore'].map((verb) => admin([verb, backup], join(folder, 'third')).ended());
    expect(await Promise.all(damaged)).toEqual([1, 1]);
  }, 120_000);
});

describe('crucible-queue without a service', () => {
  it('says that it cannot reach the URL', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const command = new CommandProcess(['work', '--url', url, '--', 'true']);
    await until(() => command.stderr.includes(`Cannot reach ${url} (connection refused); retrying\n`));
    command.child.kill('SIGTERM');
    expect(await command.ended()).toBe(0);
  });

  it('says so in a word for each address of a name', async () => {
    const url = `http://localhost:${await freePort()}`;
    const command = new CommandProcess(['tail', '--url', url]);
    await until(() =>
      command.stderr.includes(`Cannot reach ${url} (connection refused); connecting again\n`),
    );
    command.child.kill('SIGINT');
    expect([await command.ended(), command.stdout]).toEqual([0, '']);
  });

  it('keeps an operator waiting for two seconds, with one line, and then names the settings', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const command = new CommandProcess(['list', '--url', url], { isOnTerminal: true });
    expect(await command.ended()).toBe(69);
    expect(command.stdout.split('\r\n')).toEqual([
      `Cannot reach ${url} (connection refused); retrying`,
      `crucible-queue: Cannot reach ${url} (connection refused); start the service, or set QUEUE_URL or --url`,
      '',
    ]);
  });
});

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended and that nobody has waited for is still in the table.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
