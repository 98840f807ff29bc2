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
import { spec } from '../../support/task.builders.js';

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
    await store.insert([{ step: create(spec({ id: 'a' }), clock.now()), payload: '"code":"x"' }]);
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
