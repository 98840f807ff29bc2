import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { completion } from '../../src/cli/commands/completion.js';
import { EXIT } from '../../src/cli/exit-code.js';
import { createProgram } from '../../src/cli/program.js';
import { Client } from '../../src/client/index.js';
import { CommandProcess } from '../support/command.process.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const ESCAPE = '\u001b';

describe('crucible-queue, for operators', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-operator-'));
  let service: ServiceProcess;
  let client: Client;
  let env: Record<string, string>;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: folder });
    client = new Client({ url: service.url });
    env = { QUEUE_URL: service.url };
  });

  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => client.clear({ all: true }));

  /** Those that go on until they are told to stop; a test that fails leaves none behind. */
  const running = new Set<CommandProcess>();

  afterEach(() => {
    for (const { child } of running) child.kill('SIGKILL');
    running.clear();
  });

  function start(args: readonly string[], variables = env): CommandProcess {
    const command = new CommandProcess(args, { env: variables });
    running.add(command);
    return command;
  }

  async function call(
    args: readonly string[],
    options: { NO_COLOR?: string; isOnTerminal?: boolean; input?: string } = {},
  ) {
    const { isOnTerminal, input, ...variables } = options;
    const command = new CommandProcess(args, {
      env: { ...env, TERM: 'xterm', ...variables },
      isOnTerminal,
      input,
    });
    const code = await command.ended();
    return { code, stdout: command.stdout, stderr: command.stderr };
  }

  it('pauses a queue, and lets it go on', async () => {
    await client.enqueue({ eval_id: 'held-back', code: 'x', queue: 'slow' });
    const paused = await call(['pause', 'slow']);
    expect(JSON.parse(paused.stdout)).toMatchObject({ queue: 'slow', paused: true });
    expect(await client.claim({ worker_id: 'w', queues: ['slow'] })).toEqual([]);
    const resumed = await call(['resume', 'slow', '-o', 'table']);
    expect(resumed.stdout).toMatch(/^paused +false$/m);
    expect(await client.claim({ worker_id: 'w', queues: ['slow'] })).toMatchObject([
      { eval_id: 'held-back' },
    ]);
  });

  it('pauses a queue that nobody uses only when that is meant', async () => {
    const refused = await call(['pause', 'tpyo']);
    expect([refused.code, refused.stderr]).toEqual([
      66,
      expect.stringContaining('There is no queue tpyo yet'),
    ]);
    const asked = await call(['pause', 'tpyo'], { isOnTerminal: true, input: 'n\n' });
    expect([asked.code, asked.stdout]).toEqual([1, expect.stringContaining('Pause it anyway? [y/N]')]);
    expect((await client.queues.list()).map(({ queue }) => queue)).not.toContain('tpyo');
    expect((await call(['pause', 'tpyo', '--yes'])).code).toBe(0);
    expect(await client.queues.get('tpyo')).toMatchObject({ paused: true });
  });

  it('shows on a terminal what a redrive would change, and asks', async () => {
    for (const id of ['dead-1', 'dead-2', 'dead-3']) {
      await client.enqueue({ eval_id: id, code: 'x', queue: 'mortuary', group: id === 'dead-3' ? 'b' : 'a' });
      await client.cancel(id);
    }
    const redrive = ['redrive', '--status', 'cancelled', '--queue', 'mortuary', '--group', 'a'];
    for (const input of ['n\n', '\n']) {
      const asked = await call(redrive, { isOnTerminal: true, input });
      expect([asked.code, asked.stdout]).toEqual([
        1,
        expect.stringContaining('2 cancelled tasks of queue mortuary of group a'),
      ]);
    }
    expect(await client.get('dead-1')).toMatchObject({ status: 'cancelled' });
    const done = await call(redrive, { isOnTerminal: true, input: 'y\n' });
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/tasks_redriven +2/)]);
    expect(await client.get('dead-3')).toMatchObject({ status: 'cancelled' });
    const nothing = await call(redrive, { isOnTerminal: true });
    expect(nothing.code).toBe(66);
  });

  it('lists the workers and has one end', async () => {
    await client.enqueue({ eval_id: 'one', code: 'x' });
    const worker = start(['work', '--worker-id', 'w1', '--', 'cat']);
    await client.wait('one', { timeout: 20 });
    const { stdout } = await call(['workers']);
    const listed = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(listed).toContainEqual(expect.objectContaining({ worker_id: 'w1', completed: 1 }));
    expect(JSON.parse((await call(['drain', 'w1'])).stdout)).toMatchObject({ worker_id: 'w1' });
    expect(await worker.ended()).toBe(EXIT.done);
    // It said goodbye when it ended.
    expect((await call(['workers', '-o', 'table'])).stdout).toMatch(/^w1 +gone +draining /m);
  });

  it('lists the schedules', async () => {
    const task = { code: 'x', queue: 'reports' };
    const body = { schedule_id: 'nightly', cron: '0 3 * * *', timezone: 'Europe/Berlin', task };
    await client.request({ method: 'POST', path: 'schedules', body });
    expect(JSON.parse((await call(['schedules'])).stdout)).toMatchObject({
      schedule_id: 'nightly',
      queue: 'reports',
    });
    const table = (await call(['schedules', '-o', 'table'])).stdout;
    expect(table).toMatch(/^SCHEDULE .*\nnightly +0 3 \* \* \* +Europe\/Berlin +reports +\d{4}-/);
  });

  it('lists the dead letters of a queue as one JSON document', async () => {
    for (const queue of ['a', 'b']) {
      await client.enqueue({ eval_id: `dead-${queue}`, code: 'exit 65', queue });
      await call(['work', '-q', '--queue', queue, '--once', '--', 'sh']);
    }
    const { stdout } = await call(['deadletters', '--queue', 'b', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject([{ eval_id: 'dead-b', status: 'failed' }]);
  });

  it('follows the transitions, also over a restart of the service', async () => {
    const tail = start(['tail', '--queue', 'followed', '--type', 'queued']);
    const isTold = (text: string) => until(() => tail.stderr.includes(text));
    const follow = async (prefix: string): Promise<void> => {
      for (let number = 0; !tail.stdout.includes(`"${prefix}-`); number += 1) {
        await client.enqueue({ eval_id: `${prefix}-${number}`, code: 'x', queue: 'followed' });
        await client.enqueue({ eval_id: `${prefix}-other-${number}`, code: 'x', queue: 'other' });
        await until(async () => (await client.get(`${prefix}-${number}`)).status === 'queued');
      }
    };
    await follow('before');
    await service.stop();
    // A service that is back at once is not missed.
    await isTold('connecting again');
    service = await ServiceProcess.start({ DATA_DIR: folder, PORT: String(service.port) });
    await follow('after');
    tail.child.kill('SIGINT');
    expect(await tail.ended()).toBe(EXIT.done);
    expect(tail.stderr.match(/answers again/g)).toHaveLength(1);
    const events = tail.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; queue: string });
    expect(events).toEqual(
      events.map(() => expect.objectContaining({ type: 'queued', queue: 'followed' }) as unknown),
    );
  });

  it('counts again and again', async () => {
    const stats = start(['stats', '--watch', '0.05']);
    await client.enqueue({ eval_id: 'counted', code: 'x' });
    await until(() => stats.stdout.includes('"queued":1'));
    await client.cancel('counted');
    await until(() => stats.stdout.includes('"cancelled":1'));
    stats.child.kill('SIGINT');
    expect([await stats.ended(), stats.stderr]).toEqual([EXIT.done, '']);
    expect(stats.stdout).toMatch(/}\n$/);
  });

  it('goes on over an outage, and shows it', async () => {
    await client.enqueue({ eval_id: 'counted', code: 'x' });
    const watch = (isOnTerminal: boolean): CommandProcess => {
      const command = new CommandProcess(['stats', '--watch', '0.05'], { env, isOnTerminal });
      running.add(command);
      return command;
    };
    const [piped, shown] = [watch(false), watch(true)];
    const worker = start(['work', '--lease', '600', '--', 'true']);
    await until(async () => (await client.get('counted')).status === 'completed');
    await until(() => piped.stdout !== '' && shown.stdout !== '');
    await service.stop();
    const retrying = `Cannot reach ${service.url} (connection refused); retrying`;
    const isTold = (command: CommandProcess, text: string) => until(() => command.stderr.includes(text));
    await isTold(piped, retrying);
    await isTold(worker, retrying);
    await until(() =>
      /COMPLETED.*\r\n.*\r\n(.*\r\n)?Stale: these figures are \d+ s old\. Cannot reach/.test(shown.stdout),
    );
    service = await ServiceProcess.start({ DATA_DIR: folder, PORT: String(service.port) });
    await isTold(piped, `${service.url} answers again`);
    await isTold(worker, `${service.url} answers again`);
    for (const command of [piped, shown, worker]) command.child.kill('SIGTERM');
    expect(await piped.ended()).toBe(EXIT.done);
    expect([
      piped.stderr.split('connection refused').length,
      piped.stderr.split('answers again').length,
    ]).toEqual([2, 2]);
    expect(await worker.ended()).toBe(EXIT.done);
    expect(worker.stderr.split('connection refused')).toHaveLength(2);
  });

  it('colors a table on a terminal, unless NO_COLOR asks for none', async () => {
    await client.enqueue({ eval_id: 'stopped', code: 'x' });
    await client.cancel('stopped');
    const [colored, plain, json] = await Promise.all([
      call(['list'], { isOnTerminal: true }),
      call(['list'], { isOnTerminal: true, NO_COLOR: '1' }),
      call(['list', '-o', 'json'], { isOnTerminal: true }),
    ]);
    expect(colored.stdout).toContain(`${ESCAPE}[33mcancelled${ESCAPE}[0m`);
    expect(plain.stdout).toMatch(/^EVAL_ID +STATUS .*\r\nstopped +cancelled /);
    expect(plain.stdout).not.toContain(ESCAPE);
    expect(JSON.parse(json.stdout)).toMatchObject([{ eval_id: 'stopped' }]);
  });

  it('shows on a terminal how far it is, and nothing of it elsewhere', async () => {
    const file = join(import.meta.dirname, '../fixtures/three-tasks.ndjson');
    const args = ['enqueue', file, '--ndjson'];
    const shown = await call(args, { isOnTerminal: true });
    expect(shown.stdout).toMatch(/enqueued 3\r\n/);
    expect(await call(args)).toMatchObject({ code: EXIT.done, stderr: '' });
  });

  it('runs the service', async () => {
    const port = await freePort();
    const settings = {
      PORT: String(port),
      HOST: '127.0.0.1',
      REDIS_URL: '',
      DATA_DIR: join(folder, 'served'),
    };
    const served = start(['serve'], settings);
    const isReady = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(isReady);
    served.child.kill('SIGTERM');
    expect(await served.ended()).toBe(EXIT.done);
  });
});

describe('crucible-queue completion', () => {
  const program = createProgram('0.0.0');

  it.each(['bash', 'zsh', 'fish'])('has every command and option for %s', (shell) => {
    const script = completion(shell, program);
    const wordsOf = (parent: Command): string[] =>
      parent.commands.flatMap((command) => [
        command.name(),
        ...command.options.flatMap(({ long, hidden }) => (hidden ? [] : (long ?? []))),
        ...wordsOf(command),
      ]);
    const words = wordsOf(program);
    expect(words.filter((word) => !script.includes(word.replace(/^--/, '')))).toEqual([]);
    // None of the three uses anything that bash could not read.
    execFileSync('bash', ['-n'], { input: script });
  });

  it.each([
    ['a command', '(crucible-queue enq)', 1, 'enqueue'],
    ['an option', '(crucible-queue stats --wa)', 2, '--watch'],
    ['a command of a group', '(crucible-queue --url x batches sh)', 4, 'show'],
    ['its option', '(crucible-queue batches show night-1 --wa)', 4, '--wait'],
  ])('completes %s in bash', (_, words, index, completed) => {
    const script = `${completion('bash', program)}
COMP_WORDS=${words}; COMP_CWORD=${index}; _crucible_queue; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe(`${completed}\n`);
  });

  it('is printed by the command, for the shells that it knows', async () => {
    const command = new CommandProcess(['completion', 'fish']);
    expect(await command.ended()).toBe(EXIT.done);
    expect(command.stdout).toBe(completion('fish', program));
    expect(await new CommandProcess(['completion', 'dos']).ended()).toBe(EXIT.usage);
  });
});

describe('docs/cli.md', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');

  it('lists every exit code', () => {
    const [, own = ''] = document.split('## Exit codes');
    const codes = [...own.matchAll(/^\| (\d+) +\| /gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
  });

  it('names every command', () => {
    const names = createProgram('0.0.0').commands.map((command) => command.name());
    expect(names.filter((name) => !new RegExp(`(crucible-queue |\`)${name}\\b`).test(document))).toEqual([]);
  });
});
