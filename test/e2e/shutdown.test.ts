import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from '../support/service-process.js';

/** From the signal to the end of the process. */
const EXIT_LIMIT_MS = 60_000;
const TASK = '{"eval_id":"late","code":"print(1)"}';

let directory: string;
let started: ServiceProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-shutdown-'));
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((service) => service.stop()));
  rmSync(directory, { recursive: true });
}, 30_000);

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data'), ...env });
  started.push(service);
  return service;
}

/** A connection that keeps what it was sent. */
class Connection {
  received = '';
  readonly closed: Promise<unknown>;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString()));
    this.closed = once(socket, 'close');
  }

  static async open(service: ServiceProcess): Promise<Connection> {
    const socket = connect(service.port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(socket);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Waits until this text has come. */
  async has(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.socket.closed) throw new Error(`Closed before ${text} came:\n${this.received}`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
  }
}

function ask(line: string, body?: string): string {
  const rest =
    body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return `${line} HTTP/1.1\r\nHost: x\r\n${rest}\r\n${body ?? ''}`;
}

async function get(service: ServiceProcess, path: string): Promise<unknown> {
  return (await fetch(service.url + path)).json();
}

async function enqueue(service: ServiceProcess, id: string): Promise<void> {
  const body = JSON.stringify({ eval_id: id, code: 'x' });
  const headers = { 'Content-Type': 'application/json' };
  await fetch(`${service.url}/tasks`, { method: 'POST', headers, body });
}

/** Sends the head of an enqueue and half its body, and waits until the service is at it. */
async function halfSent(service: ServiceProcess): Promise<Connection> {
  const slow = await Connection.open(service);
  const expecting = 'Content-Type: application/json\r\nExpect: 100-continue';
  slow.send(`POST /tasks HTTP/1.1\r\nHost: x\r\n${expecting}\r\nContent-Length: ${TASK.length}\r\n\r\n`);
  await slow.has('100 Continue');
  slow.send(TASK.slice(0, 10));
  return slow;
}

describe('SIGTERM', () => {
  it('goes on serving for SHUTDOWN_DELAY_SECONDS while it says that it is not ready', async () => {
    const service = await start({ SHUTDOWN_DELAY_SECONDS: '300' });
    const parked = await Connection.open(service);
    parked.send(ask('GET /tasks/next?wait=60'));
    service.signal('SIGTERM');
    let status = 200;
    while (status === 200) ({ status } = await fetch(`${service.url}/readyz`));
    expect(status).toBe(503);
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    await enqueue(service, 'during');
    await parked.has('"eval_id":"during"');
    expect(service.log).toContain('serving for 300 s');
    // A second signal begins the drain.
    service.signal('SIGTERM');
    expect(await service.exited).toBe(0);
  });

  it('is followed by the end when the delay is over', async () => {
    const service = await start({ SHUTDOWN_DELAY_SECONDS: '0.2' });
    service.signal('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.log).toContain('serving for 0.2 s');
  });

  it('may be cut short by SIGINT', async () => {
    const service = await start({ SHUTDOWN_DELAY_SECONDS: '300' });
    service.signal('SIGTERM');
    while ((await fetch(`${service.url}/readyz`)).ok);
    service.signal('SIGINT');
    expect(await service.exited).toBe(0);
  });

  it('answers the parked, finishes what is under way, and ends with 0 and everything kept', async () => {
    const service = await start();
    await enqueue(service, 'held');
    const lines = {
      next: ask('GET /tasks/next?wait=60&queue=none'),
      claim: ask('POST /tasks/claim', '{"worker_id":"w1","queues":["none"],"wait":60}'),
      watch: ask('GET /tasks/held?wait=60'),
    };
    const parked = await Promise.all(Object.values(lines).map(() => Connection.open(service)));
    Object.values(lines).forEach((line, index) => parked[index]?.send(line));
    const unused = await Connection.open(service);
    const idle = await Connection.open(service);
    idle.send(ask('GET /livez'));
    await idle.has('alive');
    const slow = await halfSent(service);

    const signalledAt = performance.now();
    service.signal('SIGTERM');
    await Promise.all([...parked, idle, unused].map(({ closed }) => closed));
    const [next, claim, watch] = parked.map(({ received }) => received);
    expect(next).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nnull$/s);
    expect(claim).toMatch(/\r\n\r\n\{"tasks":\[\]\}$/);
    expect(watch).toMatch(/"eval_id":"held","status":"queued"/);

    expect(service.child.exitCode).toBeNull();
    slow.send(TASK.slice(10) + ask('GET /readyz'));
    await slow.has('201 Created');
    await slow.has('503 Service Unavailable');
    expect(slow.received).toMatch(/\r\nRetry-After: \d+\r\n/);
    expect(await service.exited).toBe(0);
    expect(performance.now() - signalledAt).toBeLessThan(EXIT_LIMIT_MS);
    expect(service.log).not.toMatch(/"level":"(error|fatal)"/);

    const again = await start();
    expect(await get(again, '/tasks/late')).toMatchObject({ status: 'queued' });
  });

  it('does not wait for ever for a body that never comes', async () => {
    const service = await start({ SHUTDOWN_SECONDS: '0.5' });
    const slow = await halfSent(service);
    service.signal('SIGTERM');
    await slow.closed;
    expect(slow.received).not.toContain('201');
    expect(await service.exited).toBe(0);
    const again = await start();
    expect(await get(again, '/status')).toMatchObject({ total_tasks: 0 });
  });

  it('may come twice', async () => {
    const service = await start();
    const idle = await Connection.open(service);
    const slow = await halfSent(service);
    service.signal('SIGTERM');
    await idle.closed;
    expect(service.child.exitCode).toBeNull();
    service.signal('SIGTERM');
    service.signal('SIGINT');
    slow.send(TASK.slice(10));
    await slow.has('201 Created');
    expect(await service.exited).toBe(0);
  });
});

/** Starts what cannot start; answers what it printed of it. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  const service = await ServiceProcess.spawn({ DATA_DIR: join(directory, 'data'), ...env });
  started.push(service);
  expect(await service.exited).toBe(1);
  const lines = service.log.split('\n').filter((line) => line.includes('cannot start'));
  expect(lines).toHaveLength(1);
  expect(service.log).not.toMatch(/^\s+at /m);
  expect(service.log).not.toContain('"stack"');
  return lines[0] ?? '';
}

describe('a start that fails', () => {
  it.each([
    [{ LEASE_GRACE_SECONDS: 'half a minute' }, 'LEASE_GRACE_SECONDS must be'],
    [{ QUEUE_STORE: 'mysql' }, 'QUEUE_STORE must be'],
    [{ API_KEYS_FILE: '/no/such/file' }, 'API_KEYS_FILE'],
    [{ DATA_DIR: '/proc/nope' }, 'Cannot use the directory /proc/nope: ENOENT'],
  ])('names the bad setting of %j', async (env, named) => {
    expect(await refusal(env)).toContain(named);
  });

  it('names the port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    expect(await refusal({ PORT: port })).toContain(port);
    holder.close();
  });

  it('names the directory that another process uses, which is not disturbed', async () => {
    const first = await start({ API_KEYS_RELOAD_SECONDS: '5' });
    expect(first.log).toContain('API_KEYS_RELOAD_SECONDS is deprecated');
    expect(await refusal({})).toContain(`DATA_DIR ${join(directory, 'data')} is in use`);
    await enqueue(first, 'a');
    expect(await get(first, '/tasks/a')).toMatchObject({ status: 'queued' });
  });

  it.each([
    ['is no database', Buffer.from('this is not a database\n'.repeat(1000))],
    ['is cut short', undefined],
  ])(
    'leaves a file that %s as it is',
    async (_, bytes) => {
      const file = join(directory, 'data', 'queue.mdb');
      if (bytes === undefined) {
        const service = await start();
        for (const id of ['a', 'b', 'c']) await enqueue(service, id);
        await service.stop();
        writeFileSync(file, readFileSync(file).subarray(0, 9_000));
      } else {
        mkdirSync(join(directory, 'data'));
        writeFileSync(file, bytes);
      }
      const before = readFileSync(file);
      expect(await refusal({})).toContain('queue.mdb');
      expect(readFileSync(file).equals(before)).toBe(true);
    },
    120_000,
  );
});
