import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filled, type HostileEntry, requestBytes, type Values } from './hostile-request.js';
import { exchange, type RawAnswer, type RawOptions } from './raw-exchange.js';
import { ServiceProcess } from './service-process.js';

export const HOSTILE_KEYS = { admin: 'admin-key', producer: 'producer-key', worker: 'worker-key' };

const entries = [
  ...entriesOf('../../../shared/hostile-sample.json', '../fixtures/hostile-sample.json'),
  ...entriesOf('../fixtures/hostile-own.json'),
];

/** Whether its connection stays open until somebody's patience ends. */
function takesLong({ id, transport }: HostileEntry): boolean {
  return (
    transport !== undefined ||
    ['pipelined-100', 'upgrade-websocket', 'own-short-body', 'http-0.9'].includes(id)
  );
}

export const quickEntries = entries.filter((entry) => !takesLong(entry));
export const slowEntries = entries.filter(takesLong);

/** A service in a process of its own, with a key for each role, and one task in it. */
export class HostileTarget {
  private count = 0;

  private constructor(
    readonly service: ServiceProcess,
    private readonly directory: string,
  ) {}

  static async start(settings: Readonly<Record<string, string>>): Promise<HostileTarget> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-hostile-'));
    writeHostileKeys(join(directory, 'keys.json'));
    const service = await ServiceProcess.start({
      ...settings,
      DATA_DIR: join(directory, 'data'),
      API_KEYS_FILE: join(directory, 'keys.json'),
      LOG_LEVEL: 'debug',
    });
    const target = new HostileTarget(service, directory);
    await target.enqueue({ eval_id: 'existing-1', code: 'x' });
    return target;
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Sends what the entry says, and expects what it lists. */
  async attack(entry: HostileEntry, options?: RawOptions): Promise<void> {
    this.count += 1;
    const values = valuesOf(this.count);
    if (entry.seedTask) await this.enqueue({ eval_id: `seed-${this.count}`, code: 'x', priority: 9 });
    const before = entry.noLease ? await this.leases() : undefined;
    expectAsListed(entry, await exchange(this.service.port, requestBytes(entry, values), options), values);
    if (entry.noLease) expect(await this.leases()).toBe(before);
  }

  async expectHealthy(): Promise<void> {
    const response = await fetch(`${this.service.url}/health`);
    expect([response.status, this.service.child.exitCode]).toEqual([200, null]);
  }

  async get(path: string): Promise<unknown> {
    const response = await fetch(this.service.url + path, { headers: { 'X-API-Key': HOSTILE_KEYS.admin } });
    return response.json();
  }

  private async enqueue(task: object): Promise<void> {
    const { producer } = HOSTILE_KEYS;
    const headers = { 'X-API-Key': producer, 'Content-Type': 'application/json' };
    const { url } = this.service;
    await fetch(`${url}/tasks`, { method: 'POST', headers, body: JSON.stringify(task) });
  }

  /** How many leases there are. */
  private async leases(): Promise<number> {
    return ((await this.get('/status')) as { processing: number }).processing;
  }
}

/** Writes a file with a key for each role. */
export function writeHostileKeys(file: string): void {
  const keys = Object.entries(HOSTILE_KEYS).map(([role, key]) => ({
    id: role,
    sha256: createHash('sha256').update(key).digest('hex'),
    roles: [role],
    queues: ['*'],
    not_before: null,
    expires: null,
  }));
  writeFileSync(file, JSON.stringify({ keys }));
}

function entriesOf(...files: readonly string[]): HostileEntry[] {
  const path = files.map((file) => fileURLToPath(new URL(file, import.meta.url))).find(existsSync) ?? '';
  return JSON.parse(readFileSync(path, 'utf8')) as HostileEntry[];
}

/** What stands in the entry with this number. */
export function valuesOf(count: number): Values {
  return {
    ADMIN: HOSTILE_KEYS.admin,
    PRODUCER: HOSTILE_KEYS.producer,
    WORKER: HOSTILE_KEYS.worker,
    ADMIN_PREFIX: HOSTILE_KEYS.admin.slice(0, -1),
    UID: `uid-${count}`,
    EXISTING: 'existing-1',
  };
}

function outcomeOf({ statuses, end }: RawAnswer): number | string {
  return statuses[0] ?? end;
}

function expectAsListed(entry: HostileEntry, answer: RawAnswer, values: Values): void {
  const text = answer.bytes.toString('latin1');
  expect([entry.id, entry.expect]).toEqual([entry.id, expect.arrayContaining([outcomeOf(answer)])]);
  expect(answer.statuses.filter((status) => status >= 500 && !entry.expect.includes(status))).toEqual([]);
  expect(text).not.toMatch(/^\s+at .*[:(]/m);
  expect(answer.statuses.length).toBeLessThanOrEqual(entry.maxResponses ?? Infinity);
  expect(answer.bytes.length).toBeLessThanOrEqual(entry.maxResponseBytes ?? Infinity);
  // The head of an answer has a date and ids of its own, in which a short piece may turn up by chance.
  const body = text.slice(text.indexOf('\r\n\r\n'));
  for (const piece of entry.mustNotContain ?? []) {
    const wanted = filled(piece, values).toLowerCase();
    expect((wanted.length > 4 ? text : body).toLowerCase()).not.toContain(wanted);
  }
}
