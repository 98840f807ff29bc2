import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import type { DocumentKind } from '../../../src/storage/document-store.js';
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
