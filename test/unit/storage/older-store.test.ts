import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadConfig } from '../../../src/config/config.js';
import { DueSweeper } from '../../../src/queue/due-sweeper.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import type { DocumentKind } from '../../../src/storage/document-store.js';
import { judgeAt } from '../../support/outage-judge.js';
import { contentsOf, totalOf } from '../../support/store-contents.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock } from '../../support/task.builders.js';

const FIXTURE = join(import.meta.dirname, '../../fixtures/store-records-2');

/** What the build that wrote the file read from it. */
interface Expected {
  readonly now: { readonly wall: number };
  readonly contents: unknown;
  readonly documents: readonly { readonly id: string }[];
  readonly configured: unknown;
  readonly notices: unknown;
  readonly lastEventId: number;
  readonly batch: unknown;
}

const expected = JSON.parse(readFileSync(join(FIXTURE, 'contents.json'), 'utf8')) as Expected;
const KINDS: readonly DocumentKind[] = ['schedule', 'batch', 'secret'];

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function readAll(store: EmbeddedTaskStore) {
  const documents = expected.documents.map(({ id }, index) =>
    store.documents.get(KINDS[index] ?? 'lock', id),
  );
  return asJson({
    contents: await contentsOf(store),
    documents: await Promise.all(documents),
    configured: await store.settings.all(),
    notices: await store.outbox.oldest(100),
    batch: await store.views.countBatch('x'),
  });
}

describe('a data directory of an older build (records of version 2, values without checksums)', () => {
  let directory: string;
  const clock = new FakeClock(expected.now.wall);

  const open = () => EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-older-'));
    writeFileSync(join(directory, 'queue.mdb'), gunzipSync(readFileSync(join(FIXTURE, 'queue.mdb.gz'))));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('is read as it was written, and stays the same when it is opened again', async () => {
    const { contents, documents, configured, notices, batch } = expected;
    for (let round = 0; round < 2; round += 1) {
      const store = await open();
      expect(store.lastEventId).toBeGreaterThanOrEqual(expected.lastEventId);
      expect(await readAll(store)).toEqual({ contents, documents, configured, notices, batch });
      await store.close();
    }
  });

  it('is cleared', async () => {
    const store = await open();
    const total = await totalOf(store);
    expect(total).toBeGreaterThan(10);
    expect(await store.clear({})).toBe(total);
    await store.close();
    const again = await open();
    expect(await totalOf(again)).toBe(0);
    await again.reclaimed();
    await again.close();
  });
});

/** Written before queues had an outage guard, and before tasks had checkpoints, causes and deadlines. */
describe('a data directory from before the outage guard', () => {
  it('keeps its tasks, and an outage spends none of their interruptions', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-older-'));
    const file = join(import.meta.dirname, '../../fixtures/store-before-outage-guard/queue.mdb.gz');
    writeFileSync(join(directory, 'queue.mdb'), gunzipSync(readFileSync(file)));
    // The moment when the older build stopped.
    const clock = new FakeClock(Date.parse('2026-12-01T01:31:12.000Z'));
    const store = await EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });
    try {
      expect(await totalOf(store)).toBe(16);
      expect(await store.find('lost-once')).toMatchObject({ state: 'queued', interruptions: 1 });
      expect(await store.find('failed')).toMatchObject({ state: 'failed', outcome: 'failed' });
      clock.advanceSeconds(61);
      await new DueSweeper(store, loadConfig({}), judgeAt(store)).sweep();
      for (let index = 0; index < 12; index += 1)
        expect(await store.find(`held-${index}`)).toMatchObject({
          state: 'queued',
          interruptions: 0,
          spared: 1,
        });
      expect(await store.settings.all()).toMatchObject([{ queue: 'old', settings: { maxConcurrency: 50 } }]);
    } finally {
      await store.close();
      rmSync(directory, { recursive: true });
    }
  });
});
