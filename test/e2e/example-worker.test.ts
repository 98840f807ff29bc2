import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endServer, endWithParent } from '../support/server-process.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

interface TaskAnswer {
  readonly status: string;
  readonly worker_id: string;
  readonly error: string | null;
  readonly exit_code: number | null;
}

const KEY = 'a-key-for-this-test';

/** The example workers, and what a task of each kind is in their language. */
const WORKERS = [
  {
    name: 'deploy/worker/worker.py',
    command: ['python3', '-u', 'deploy/worker/worker.py'],
    printed: (text: string) => ({ stdout: text }),
    code: {
      good: 'print(6 * 7)',
      bad: 'import sys; sys.exit("no")',
      slow: 'import time; time.sleep(60)',
      last: 'open("BEGUN", "w"); import time; time.sleep(1); print("done")',
      binary: 'import sys; sys.stdout.buffer.write(bytes([255]))',
      daemon:
        'import subprocess; subprocess.Popen(["sleep", "60"], start_new_session=True); print("left", end="")',
      flood: 'while True: print("x" * 1000)',
      spy: [
        'import glob, os',
        'found = [name for name in os.environ if "a-key-for" in os.environ[name]]',
        'for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):',
        '  try:',
        '    found += [path] if b"a-key-for" in open(path, "rb").read() else []',
        '  except OSError: pass',
        'print(found, "QUEUE_LEASE_ID" in os.environ)',
      ].join('\n'),
    },
    spied: { stdout: '[] True\n' },
    /** Output without an end fails when the time is over. */
    flooded: /longer than 2 s/,
  },
  {
    name: 'clients/shell/worker.sh',
    command: ['sh', 'clients/shell/worker.sh'],
    printed: (text: string) => text,
    code: {
      good: 'echo 42',
      bad: 'echo no >&2; exit 1',
      slow: 'sleep 60',
      last: ': > BEGUN; sleep 1; echo done',
      binary: "printf '\\377'",
      daemon: 'setsid sleep 60 & printf left',
      flood: 'yes',
      // The brackets keep grep from finding its own arguments.
      spy: 'cat /proc/*/environ /proc/*/cmdline 2>/dev/null | grep -ac "a-key-[f]or"; env | grep -o "^QUEUE_LEASE_ID"',
    },
    spied: '0\nQUEUE_LEASE_ID\n',
    flooded: /File size limit|larger than|ended with/,
  },
] as const;

describe.each(WORKERS)('$name', ({ name, command: [program, ...args], code, printed, spied, flooded }) => {
  let directory: string;
  let service: ServiceProcess;
  let worker: ChildProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-worker-'));
    service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data'), API_KEY: KEY });
    const { PATH } = process.env;
    const settings = { QUEUE_URL: service.url, QUEUE_API_KEY: KEY, WORKER_ID: 'example' };
    worker = spawn(program, args, {
      env: { PATH, PYTHONPATH: 'clients/python', PYTHONDONTWRITEBYTECODE: '1', ...settings },
      stdio: 'ignore',
    });
    endWithParent(worker);
  });

  afterAll(async () => {
    await endServer(worker, 'SIGKILL');
    await service.stop();
    rmSync(directory, { recursive: true });
  });

  async function ask(path: string, body?: object): Promise<unknown> {
    const headers = { 'X-API-Key': KEY, 'Content-Type': 'application/json' };
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`${service.url}${path}`, init);
    return answer.json();
  }

  async function run(kind: keyof typeof code, fields: object = {}): Promise<TaskAnswer> {
    await ask('/tasks', { eval_id: kind, code: code[kind], ...fields });
    return (await ask(`/tasks/${kind}?wait=20`)) as TaskAnswer;
  }

  it('runs the code and reports what it printed', async () => {
    expect(await run('good')).toMatchObject({ status: 'completed', worker_id: 'example' });
    expect(await ask('/tasks/good/output')).toEqual(printed('42\n'));
  });

  it('runs a task whose metadata no parser of numbers holds', async () => {
    const metadata = `{"n":${'9'.repeat(4301)},"m":1e400}`;
    const body = `{"eval_id":"number","code":${JSON.stringify(code.good)},"metadata":${metadata}}`;
    const headers = { 'X-API-Key': KEY, 'Content-Type': 'application/json' };
    await fetch(`${service.url}/tasks`, { method: 'POST', headers, body });
    expect(await ask('/tasks/number?wait=20')).toMatchObject({ status: 'completed' });
  });

  it('reports what went wrong, and code that runs for too long', async () => {
    expect(await run('bad')).toMatchObject({ status: 'failed', error: 'no\n', exit_code: 1 });
    expect(await run('slow', { timeout: 1 })).toMatchObject({ status: 'failed' });
  });

  it('reports output that it cannot send, and output without an end', async () => {
    const { status, error } = await run('binary');
    expect([status, error]).toEqual(['failed', expect.stringContaining('not UTF-8')]);
    const flood = await run('flood', { timeout: 2 });
    expect([flood.status, flood.error]).toEqual(['failed', expect.stringMatching(flooded)]);
  });

  it('does not wait for what the code leaves behind', async () => {
    expect(await run('daemon', { timeout: 20 })).toMatchObject({ status: 'completed' });
    expect(await ask('/tasks/daemon/output')).toEqual(printed('left'));
  });

  it('gives the code the lease, and its key neither in the environment nor through /proc', async () => {
    const { status, error } = await run('spy');
    expect({ status, error }).toEqual({ status: 'completed', error: null });
    expect(await ask('/tasks/spy/output')).toEqual(spied);
  });

  it('finishes what it has when it is told to stop', async () => {
    // A worker gives back what it has not begun, so the code itself says that it has.
    const begun = join(directory, 'begun');
    chmodSync(directory, 0o777);
    await ask('/tasks', { eval_id: 'last', code: code.last.replace('BEGUN', begun) });
    await until(() => existsSync(begun));
    const ended = once(worker, 'exit');
    worker.kill('SIGTERM');
    expect([name, ...(await ended)]).toEqual([name, 0, null]);
    expect(await ask('/tasks/last')).toMatchObject({ status: 'completed' });
  });
});

it('clients/shell/worker.sh as any user keeps its key from the code, or says that it cannot', async () => {
  const NOBODY = 65_534;
  const directory = mkdtempSync(join(tmpdir(), 'crucible-worker-'));
  const script = join(directory, 'worker.sh');
  copyFileSync('clients/shell/worker.sh', script);
  chmodSync(directory, 0o755);
  const service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data'), API_KEY: KEY });
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const { PATH } = process.env;
  const env = { PATH, QUEUE_URL: service.url, QUEUE_API_KEY: KEY, WORKER_ID: 'plain' };
  const worker = spawn('sh', [script], { env, stdio: ['ignore', 'ignore', 'pipe'], ...user });
  endWithParent(worker);
  let said = '';
  worker.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    const headers = { 'X-API-Key': KEY, 'Content-Type': 'application/json' };
    const code = 'cat /proc/*/environ /proc/*/cmdline 2>/dev/null | grep -ac "a-key-[f]or"; true';
    const body = JSON.stringify({ eval_id: 'spy', code });
    await fetch(`${service.url}/tasks`, { method: 'POST', headers, body });
    const task = await fetch(`${service.url}/tasks/spy?wait=20`, { headers });
    expect(await task.json()).toMatchObject({ status: 'completed', worker_id: 'plain' });
    const output = await (await fetch(`${service.url}/tasks/spy/output`, { headers })).json();
    expect(said.includes('NOT ISOLATED') || output === '0\n').toBe(true);
    const ended = once(worker, 'exit');
    worker.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    await endServer(worker, 'SIGKILL');
    await service.stop();
    rmSync(directory, { recursive: true });
  }
}, 60_000);
