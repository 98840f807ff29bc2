import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryInUse } from '../../../src/storage/embedded/directory-lock.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { CorruptFile } from '../../../src/storage/embedded/file-check.js';
import { SystemClock } from '../../../src/storage/embedded/system-clock.js';
import { create } from '../../../src/task/task.machine.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-embedded-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const clock = new SystemClock();

function openStore(): Promise<EmbeddedTaskStore> {
  return EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });
}

describe('EmbeddedTaskStore', () => {
  it('refuses a directory that is in use, and takes it when it is free again', async () => {
    const store = await openStore();
    await expect(openStore()).rejects.toThrow(DirectoryInUse);
    await store.close();
    await (await openStore()).close();
  });

  it('keeps its files to its owner', async () => {
    const store = await openStore();
    await store.insert([{ transition: create(spec({ id: 'a' }), clock.now()), payload: '"code":"x"' }]);
    await store.close();
    expect(statSync(join(directory, 'queue.mdb')).mode & 0o077).toBe(0);
  });

  it('refuses a damaged file, leaves it as it is and lets go of the directory', async () => {
    await (await openStore()).close();
    const file = join(directory, 'queue.mdb');
    const damaged = readFileSync(file).fill(0xaa, 0, 8192);
    writeFileSync(file, damaged);
    await expect(openStore()).rejects.toThrow(CorruptFile);
    await expect(openStore()).rejects.toThrow(CorruptFile);
    expect(readFileSync(file).equals(damaged)).toBe(true);
  });

  it.each([0, 1, 4095, 4096, 8192])('refuses a file that was cut off after %i bytes', async (bytes) => {
    await (await openStore()).close();
    const file = join(directory, 'queue.mdb');
    truncateSync(file, bytes);
    await expect(openStore()).rejects.toThrow(CorruptFile);
    expect(statSync(file).size).toBe(bytes);
  });

  it('makes its directory, also below one that is missing', async () => {
    directory = join(directory, 'a', 'b');
    await (await openStore()).close();
    expect(existsSync(join(directory, 'queue.mdb'))).toBe(true);
  });
});

describe('a lease that was granted by a clock that was ahead', () => {
  it('ends within its length after a start with the right time, and one by the right clock goes on', async () => {
    const ahead = new FakeClock(Date.UTC(2026, 0, 2));
    const right = new FakeClock(Date.UTC(2026, 0, 1));
    const open = (by: FakeClock) => EmbeddedTaskStore.open({ directory, clock: by, settings: ROOMY });
    const grant = { grace: 30, workerId: 'w', lease: 3 };
    const first = await open(right);
    const tasks = ['sound', 'early'].map((id) => create(spec({ id }), right.now()));
    await first.insert(tasks.map((transition) => ({ transition, payload: '"code":"x"' })));
    await first.claim({ queues: ['default'], leaseIds: ['l1'], grant: { ...grant, lease: 600 } });
    await first.close();
    const second = await open(ahead);
    await second.claim({ queues: ['default'], leaseIds: ['l2'], grant });
    await second.close();

    const third = await open(right);
    expect(await third.due(9)).toEqual([]);
    right.advance(3_000);
    expect((await third.due(9)).map((task) => task.spec.id)).toEqual(['early']);
    expect(await third.find('sound')).toMatchObject({ lease: { expiresAt: Date.UTC(2026, 0, 1) + 600_000 } });
    await third.close();
  });
});

describe('a lease that was granted after the wall clock of the process had been set', () => {
  const RIGHT = Date.UTC(2026, 0, 2);

  it.each([
    ['back', 9 * 3_600_000],
    ['forward', -9 * 3_600_000],
  ])('%s ends in time after a restart', async (_, offset) => {
    const open = (by: FakeClock) => EmbeddedTaskStore.open({ directory, clock: by, settings: ROOMY });
    const corrected = new FakeClock(RIGHT + offset);
    const first = await open(corrected);
    corrected.setWall(RIGHT);
    await first.insert([{ transition: create(spec({ id: 'a' }), corrected.now()), payload: '"code":"x"' }]);
    const grant = { grace: 30, workerId: 'w', lease: 60 };
    await first.claim({ queues: ['default'], leaseIds: ['l1'], grant });
    await first.close();

    const right = new FakeClock(RIGHT);
    const second = await open(right);
    expect(await second.untilDue()).toBe(60_000);
    expect(await second.due(9)).toEqual([]);
    await second.close();
  });
});

describe('SystemClock', () => {
  it('reads the calendar on both scales', () => {
    const before = Date.now();
    const { wall, steady } = new SystemClock().now();
    expect(wall).toBeGreaterThanOrEqual(before);
    expect(Math.abs(steady - wall)).toBeLessThan(1_000);
  });

  it('never runs back on the steady scale', () => {
    const readings = Array.from({ length: 1_000 }, () => clock.now().steady);
    expect(readings).toEqual([...readings].sort((a, b) => a - b));
  });
});
