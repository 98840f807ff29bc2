import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeStores } from '../support/describe-stores.js';
import { filled, type HostileEntry, requestBytes, type Values } from '../support/hostile-request.js';
import { exchange, type RawAnswer } from '../support/raw-exchange.js';
import { ServiceProcess } from '../support/service-process.js';

const KEYS = { admin: 'admin-key', producer: 'producer-key', worker: 'worker-key' };

function entriesOf(...files: readonly string[]): HostileEntry[] {
  const path = files.map((file) => fileURLToPath(new URL(file, import.meta.url))).find(existsSync) ?? '';
  return JSON.parse(readFileSync(path, 'utf8')) as HostileEntry[];
}

const entries = [
  ...entriesOf('../../../shared/hostile-sample.json', '../fixtures/hostile-sample.json'),
  ...entriesOf('../fixtures/hostile-own.json'),
];
const quick = entries.filter(({ transport }) => transport === undefined);
const slow = entries.filter(({ transport }) => transport !== undefined);

let directory: string;
let service: ServiceProcess;
let count = 0;

async function call(
  method: string,
  path: string,
  { key, body }: { key: string; body?: object },
): Promise<unknown> {
  const response = await fetch(service.url + path, {
    method,
    headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return response.json();
}

function valuesFor(): Values {
  count += 1;
  return {
    ADMIN: KEYS.admin,
    PRODUCER: KEYS.producer,
    WORKER: KEYS.worker,
    ADMIN_PREFIX: KEYS.admin.slice(0, -1),
    UID: `uid-${count}`,
    EXISTING: 'existing-1',
  };
}

/** How many leases there are. */
async function leases(): Promise<number> {
  const { processing } = (await call('GET', '/status', { key: KEYS.admin })) as { processing: number };
  return processing;
}

function outcomeOf({ statuses, end }: RawAnswer): number | string {
  return statuses[0] ?? end;
}

function expectAsListed(entry: HostileEntry, answer: RawAnswer, values: Values): void {
  const text = answer.bytes.toString('latin1');
  expect(entry.expect).toContain(outcomeOf(answer));
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

async function expectHealthy(): Promise<void> {
  const response = await fetch(`${service.url}/health`);
  expect([response.status, service.child.exitCode]).toEqual([200, null]);
}

describeStores(({ settings }) => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'crucible-hostile-'));
    const keys = Object.entries(KEYS).map(([role, key]) => ({
      id: role,
      sha256: createHash('sha256').update(key).digest('hex'),
      roles: [role],
      queues: ['*'],
      not_before: null,
      expires: null,
    }));
    writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys }));
    service = await ServiceProcess.start({
      ...settings(),
      DATA_DIR: join(directory, 'data'),
      API_KEYS_FILE: join(directory, 'keys.json'),
      LOG_LEVEL: 'debug',
    });
    await call('POST', '/tasks', { key: KEYS.producer, body: { eval_id: 'existing-1', code: 'x' } });
  }, 120_000);

  afterAll(async () => {
    await service.stop();
    await rm(directory, { recursive: true, force: true });
  });

  describe('the service under hostile requests', () => {
    it.each(quick.map((entry) => [entry.id, entry] as const))('answers %s as listed', async (_, entry) => {
      const values = valuesFor();
      if (entry.seedTask) {
        await call('POST', '/tasks', {
          key: KEYS.producer,
          body: { eval_id: `seed-${count}`, code: 'x', priority: 9 },
        });
      }
      const before = entry.noLease ? await leases() : undefined;
      expectAsListed(entry, await exchange(service.port, requestBytes(entry, values)), values);
      if (entry.noLease) expect(await leases()).toBe(before);
      await expectHealthy();
    });

    it('lets go of those who are slow on purpose', async () => {
      const answers = await Promise.all(
        slow.map(async (entry) => {
          const values = valuesFor();
          const { mode, bytesPerSec, forSec } = entry.transport ?? { mode: 'idle', forSec: 1 };
          const answer = await exchange(service.port, requestBytes(entry, values), {
            patience: forSec * 1000,
            bytesPerSecond: mode === 'drip' ? bytesPerSec : undefined,
            deafFor: mode === 'no-read' ? forSec * 1000 - 2_000 : undefined,
          });
          return { entry, answer, values };
        }),
      );
      for (const { entry, answer, values } of answers) expectAsListed(entry, answer, values);
      await expectHealthy();
    }, 90_000);

    it('pollutes no prototype, and writes no key and no stack into its log', async () => {
      expect(await call('GET', '/tasks/existing-1', { key: KEYS.admin })).not.toHaveProperty('polluted');
      expect(service.log).not.toMatch(/^\s+at /m);
      expect(service.log).not.toContain('stack');
      for (const key of Object.values(KEYS)) expect(service.log).not.toContain(key);
    });
  });
});
