import type { HeldTask } from '../../../src/client/index.js';
import { Client } from '../../../src/client/index.js';
import { TaskLog } from '../../../src/client/task-log.js';

interface Sent {
  readonly offset: number;
  readonly text: string;
}

/** A service that keeps one log, and answers as the test says. */
class LogService {
  kept = Buffer.alloc(0);
  readonly sent: Sent[] = [];
  readonly addresses = new Set<string>();
  /** Answers of the next requests; `undefined` for an ordinary one, `lost` for one that is written and not answered. */
  readonly next: ('lost' | { status: number; code: string } | undefined)[] = [];

  readonly fetch = async (address: URL | Request | string, init: RequestInit = {}): Promise<Response> => {
    const target = new URL(address instanceof Request ? address.url : address);
    this.addresses.add(`${init.method} ${target.pathname}`);
    const offset = Number(target.searchParams.get('offset'));
    const bytes = Buffer.from(init.body as Uint8Array);
    this.sent.push({ offset, text: bytes.toString() });
    const how = this.next.shift();
    if (typeof how === 'object') return problem(how.status, { code: how.code });
    const there = this.kept.subarray(offset, offset + bytes.length);
    if (offset > this.kept.length || !there.equals(bytes.subarray(0, there.length)))
      return problem(409, { code: 'log_offset', size: this.kept.length });
    this.kept = Buffer.concat([this.kept, bytes.subarray(there.length)]);
    if (how === 'lost') throw new Error('socket closed');
    return new Response(JSON.stringify({ attempt: 1, size: this.kept.length }));
  };
}

function problem(status: number, members: object): Response {
  return new Response(JSON.stringify({ detail: 'x', ...members }), { status });
}

function start(): { service: LogService; log: TaskLog } {
  const service = new LogService();
  const client = new Client({ url: 'http://127.0.0.1:1', fetch: service.fetch });
  const task = { eval_id: 'a', lease_id: 'lease' } as HeldTask;
  return { service, log: new TaskLog(client, task, { patience: 60 }) };
}

describe('the log of an attempt', () => {
  it('is sent in few requests, in order', async () => {
    const { service, log } = start();
    for (let line = 0; line < 100; line += 1) await log.write(`line ${line}\n`);
    await log.flush();
    expect(service.sent).toHaveLength(1);
    expect([...service.addresses]).toEqual(['POST /tasks/a/log']);
    expect(service.kept.toString().split('\n')).toHaveLength(101);
  });

  it('is sent in chunks of at most 64 KiB', async () => {
    const { service, log } = start();
    const all = 'x'.repeat(200_000);
    await log.write(all);
    await log.flush();
    expect(service.kept.toString()).toBe(all);
    expect(Math.max(...service.sent.map(({ text }) => text.length))).toBe(65_536);
  });

  it('is neither lost nor doubled after a lost answer', async () => {
    const { service, log } = start();
    service.next.push('lost', { status: 503, code: 'store_unavailable' });
    await log.write('one ');
    await log.flush();
    await log.write('two');
    await log.flush();
    expect(service.kept.toString()).toBe('one two');
    expect(service.sent.map(({ offset }) => offset)).toEqual([0, 0, 0, 4]);
  });

  it('continues after the bytes that another program sent under the same lease', async () => {
    const { service, log } = start();
    service.kept = Buffer.from('theirs ');
    await log.write('ours');
    await log.flush();
    expect(service.kept.toString()).toBe('theirs ours');
  });

  it.each(['lease_lost', 'logs_off', 'task_not_found', 'not_found'])(
    'ends with %s, and fails nothing',
    async (code) => {
      const { service, log } = start();
      service.next.push({ status: code === 'lease_lost' ? 409 : 404, code });
      await log.write('one');
      await log.flush();
      await log.write('two');
      await log.flush();
      expect([service.sent.length, service.kept.length]).toEqual([1, 0]);
    },
  );

  it('states how much it dropped', async () => {
    const { service, log } = start();
    void log.write(new Uint8Array(4_000_000));
    void log.write(new Uint8Array(500_000));
    await log.flush();
    expect(service.kept.subarray(4_000_000).toString()).toMatch(/500000 bytes of the log were dropped/);
  });
});
