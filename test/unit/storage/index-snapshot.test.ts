import { jest } from '@jest/globals';
import {
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { saveSnapshot, SNAPSHOT_FORMAT, takeSnapshot } from '../../../src/storage/embedded/index-snapshot.js';
import { QueueFiles } from '../../../src/storage/embedded/queue-files.js';
import { encodeTask } from '../../../src/storage/embedded/task-record.js';
import { type IndexDump, TaskIndex } from '../../../src/storage/embedded/task-index.js';
import { create } from '../../../src/task/task.machine.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

const clock = new FakeClock();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-snapshot-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const file = () => join(directory, 'queue.mdb');
const snapshot = () => join(directory, 'index.snapshot');

function open(snapshotFrom = 1): Promise<EmbeddedTaskStore> {
  return EmbeddedTaskStore.open({ directory, clock, settings: ROOMY, snapshotFrom });
}

async function add(store: EmbeddedTaskStore, ...ids: string[]): Promise<void> {
  const transitions = ids.map((id) => create(spec({ id, batchId: 'b' }), clock.now()));
  await store.insert(transitions.map((transition) => ({ transition, payload: '"code":"x"' })));
}

/** Stops cleanly with these tasks. */
async function stopWith(...ids: string[]): Promise<void> {
  const store = await open();
  await add(store, ...ids);
  await store.close();
}

async function queued(): Promise<number> {
  const store = await open();
  try {
    return (await store.views.totals()).queued;
  } finally {
    await store.close();
  }
}

describe('the snapshot of the indices', () => {
  it('is written at a clean stop, for its owner alone, and serves one start', async () => {
    await stopWith('a', 'b');
    expect(statSync(snapshot()).mode & 0o777).toBe(0o600);
    const store = await open();
    expect(existsSync(snapshot())).toBe(false);
    expect((await store.views.totals()).queued).toBe(2);
    await store.close();
    expect(takeSnapshot(directory)).toMatchObject({ lastNumber: 2 });
    expect(takeSnapshot(directory)).toBe('none');
  });

  it('decides what the next start knows', async () => {
    await stopWith('a', 'b');
    const nothing = { times: new Float64Array(), keys: new Float64Array() };
    const maps = { queues: new Map(), claims: new Map(), batches: new Map() };
    const index: IndexDump = { ...maps, onWall: nothing, onSteady: nothing, ended: nothing };
    await saveSnapshot(directory, { index, lastNumber: 2 });
    expect(await queued()).toBe(0);
  });

  it('is not written for few tasks, nor when the next start should read the records', async () => {
    const few = await open(3);
    await add(few, 'a', 'b');
    await few.close();
    expect(existsSync(snapshot())).toBe(false);
    const cut = await open();
    jest.spyOn(QueueFiles.prototype, 'recordCount').mockReturnValueOnce(3);
    await cut.close();
    expect(existsSync(snapshot())).toBe(false);
  });

  it('has the layout that its format says', () => {
    const { task } = create(spec({ id: 'a' }), clock.now());
    const index = new TaskIndex(ROOMY);
    const { head } = encodeTask(task, 1, 0);
    index.move(1, undefined, head);
    index.batches.move('b', undefined, head);
    expect(SNAPSHOT_FORMAT).toBe(1);
    expect(index.dump(1)).toEqual({
      queues: new Map([
        [
          'default',
          {
            states: new Map([['queued', Float64Array.of(1)]]),
            bytes: new Map(),
            flow: {
              lanes: [{ priority: 1, group: '', signature: '', numbers: Float64Array.of(1) }],
              active: 0,
              activeOf: new Map(),
            },
          },
        ],
      ]),
      claims: new Map(),
      batches: new Map([['b', [{ queue: 'default', counts: expect.objectContaining({ queued: 1 }) }]]]),
      onWall: { times: new Float64Array(), keys: new Float64Array() },
      onSteady: { times: new Float64Array(), keys: new Float64Array() },
      ended: { times: new Float64Array(), keys: new Float64Array() },
    });
  });
});

/** Each leaves the snapshot of an earlier state, with one task, beside a file with three. */
const STALE: readonly (readonly [string, () => Promise<void>])[] = [
  [
    'of an earlier stop, put back',
    async () => {
      await stopWith('a');
      const earlier = readFileSync(snapshot());
      await stopWith('b', 'c');
      writeFileSync(snapshot(), earlier);
    },
  ],
  [
    'of an earlier stop, when a kill came after further commits',
    async () => {
      await stopWith('a');
      const earlier = readFileSync(snapshot());
      const store = await open();
      await add(store, 'b', 'c');
      // What a kill leaves: the file as it is, and what was there before.
      const killed = `${directory}.killed`;
      cpSync(directory, killed, { recursive: true });
      await store.close();
      rmSync(directory, { recursive: true });
      renameSync(killed, directory);
      writeFileSync(snapshot(), earlier);
    },
  ],
  [
    'of another file, which a restored one replaced with its size and time',
    async () => {
      await stopWith('a', 'b', 'c');
      const full = readFileSync(file());
      const { atime, mtime } = statSync(file());
      await rm(directory, { recursive: true });
      await stopWith('a');
      writeFileSync(file(), full);
      utimesSync(file(), atime, mtime);
    },
  ],
];

describe('a stale snapshot', () => {
  it.each(STALE)('%s, is discarded', async (_, prepare) => {
    await prepare();
    expect(await queued()).toBe(3);
  });
});

describe('a snapshot is discarded', () => {
  const refused = { refused: expect.any(String) };

  it('when the file was copied, also with its times', async () => {
    await stopWith('a');
    const copy = `${directory}.copy`;
    cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
    expect(takeSnapshot(copy)).toEqual(refused);
    rmSync(copy, { recursive: true });
  });

  it('when a byte of the file was changed and its time put back', async () => {
    await stopWith('a');
    const { atime, mtime } = statSync(file());
    const bytes = readFileSync(file());
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(file(), bytes);
    utimesSync(file(), atime, mtime);
    expect(takeSnapshot(directory)).toEqual(refused);
  });

  it('when any part of it is damaged or missing', async () => {
    await stopWith('a');
    const sound = readFileSync(snapshot());
    for (const at of [0, 4, 9, 100, sound.length - 1]) {
      const damaged = Buffer.from(sound);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      writeFileSync(snapshot(), damaged);
      expect(takeSnapshot(directory)).toEqual(refused);
    }
    for (const length of [0, 7, 8, sound.length - 1]) {
      writeFileSync(snapshot(), sound.subarray(0, length));
      expect(takeSnapshot(directory)).toEqual(refused);
    }
  });

  it('when another version made it', async () => {
    await stopWith('a');
    const bytes = readFileSync(snapshot());
    bytes[8] = `${SNAPSHOT_FORMAT + 1}`.charCodeAt(0);
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
    writeFileSync(snapshot(), bytes);
    expect(takeSnapshot(directory)).toEqual(refused);
  });
});
