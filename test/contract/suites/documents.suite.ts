import { allDocuments, type DocumentKind } from '../../../src/storage/document-store.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import type { StartStore } from '../../support/store-harness.js';

const KIND: DocumentKind = 'schedule';
const TEXT = '{"a":[],"n":9007199254740993,"__proto__":{},"s":"é日本🙂"}';

/** Small documents beside the tasks. */
export function describeDocuments(start: StartStore): void {
  async function open() {
    return (await start()).store.documents;
  }

  it('gives a document back to the letter', async () => {
    const documents = await open();
    const revision = await documents.put(KIND, { id: 'a', text: TEXT, expected: 0 });
    expect(await documents.get(KIND, 'a')).toEqual({ id: 'a', text: TEXT, revision });
    expect(await documents.get(KIND, 'b')).toBeUndefined();
  });

  it('keeps kinds apart, also when names look like one another', async () => {
    const documents = await open();
    for (const id of ['a', 'a:b', 'A', '0', 'constructor', `x${'-'.repeat(127)}`]) {
      await documents.put(KIND, { id, text: `"${id}"`, expected: 0 });
    }
    await documents.put('batch', { id: 'a', text: '"other"', expected: 0 });
    expect((await documents.get(KIND, 'a'))?.text).toBe('"a"');
    expect((await documents.get('batch', 'a'))?.text).toBe('"other"');
    expect(await allDocuments(documents, KIND)).toHaveLength(6);
  });

  it('writes only over the revision that was read', async () => {
    const documents = await open();
    const first = (await documents.put(KIND, { id: 'a', text: '1', expected: 0 })) ?? 0;
    expect(await documents.put(KIND, { id: 'a', text: '2', expected: 0 })).toBeUndefined();
    expect(await documents.put(KIND, { id: 'b', text: '2', expected: first })).toBeUndefined();
    const second = await documents.put(KIND, { id: 'a', text: '2', expected: first });
    expect(second).toEqual(expect.any(Number));
    expect(await documents.put(KIND, { id: 'a', text: '3', expected: first })).toBeUndefined();
    expect((await documents.get(KIND, 'a'))?.text).toBe('2');
  });

  it('lets one of many writers through', async () => {
    const documents = await open();
    const writers = Array.from({ length: 20 }, (_, index) =>
      documents.put(KIND, { id: 'a', text: String(index), expected: 0 }),
    );
    const revisions = (await Promise.all(writers)).filter((revision) => revision !== undefined);
    expect(revisions).toHaveLength(1);
    const rewriters = Array.from({ length: 20 }, () =>
      documents.put(KIND, { id: 'a', text: 'again', expected: revisions[0] ?? -1 }),
    );
    expect((await Promise.all(rewriters)).filter((revision) => revision !== undefined)).toHaveLength(1);
  });

  it('forgets only the revision that was read, and never gives one twice', async () => {
    const documents = await open();
    const first = (await documents.put(KIND, { id: 'a', text: '1', expected: 0 })) ?? 0;
    expect(await documents.remove(KIND, 'a', first + 1)).toBe(false);
    expect(await documents.remove(KIND, 'a', first)).toBe(true);
    expect(await documents.remove(KIND, 'a', first)).toBe(false);
    expect(await documents.get(KIND, 'a')).toBeUndefined();
    expect(await documents.put(KIND, { id: 'a', text: '2', expected: 0 })).toBeGreaterThan(first);
  });

  it('lists the youngest first, page by page; a rewritten one keeps its age', async () => {
    const documents = await open();
    const revisions: number[] = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      revisions.push((await documents.put(KIND, { id, text: `"${id}"`, expected: 0 })) ?? 0);
    }
    await documents.put(KIND, { id: 'a', text: '"new"', expected: revisions[0] ?? 0 });
    await documents.remove(KIND, 'c', revisions[2] ?? 0);
    const first = await documents.list(KIND, { limit: 2 });
    expect(first.documents.map(({ id }) => id)).toEqual(['e', 'd']);
    const second = await documents.list(KIND, { limit: 2, before: first.next });
    expect(second.documents.map(({ text }) => text)).toEqual(['"b"', '"new"']);
    const rest = second.next === undefined ? [] : await allDocuments(documents, 'batch');
    expect(rest).toEqual([]);
    expect((await documents.list(KIND, { limit: 9, before: second.next ?? 1 })).documents).toEqual([]);
  });

  it('counts every change of a kind', async () => {
    const documents = await open();
    const versions = new Set([await documents.version(KIND)]);
    const revision = (await documents.put(KIND, { id: 'a', text: '1', expected: 0 })) ?? 0;
    versions.add(await documents.version(KIND));
    await documents.remove(KIND, 'a', revision);
    versions.add(await documents.version(KIND));
    expect(versions.size).toBe(3);
    expect(versions).toContain(await documents.version(KIND));
  });

  it('has them after a restart, and goes on counting', async () => {
    const user = await start();
    const { documents } = user.store;
    const first = (await documents.put(KIND, { id: 'a', text: TEXT, expected: 0 })) ?? 0;
    const { documents: again } = await user.harness.reopen();
    expect(await again.get(KIND, 'a')).toEqual({ id: 'a', text: TEXT, revision: first });
    expect(await again.put(KIND, { id: 'b', text: '1', expected: 0 })).toBeGreaterThan(first);
  });

  it('leaves them alone when tasks are cleared', async () => {
    const user = await start();
    await user.store.documents.put(KIND, { id: 'a', text: '1', expected: 0 });
    await user.add({ id: 't' });
    await user.store.clear({});
    expect(await user.store.documents.get(KIND, 'a')).toBeDefined();
  });

  it('refuses everything after the store was closed', async () => {
    const { store } = await start();
    await store.close();
    await expect(store.documents.get(KIND, 'a')).rejects.toThrow(StoreUnavailable);
    await expect(store.documents.put(KIND, { id: 'a', text: '1', expected: 0 })).rejects.toThrow(
      StoreUnavailable,
    );
    await expect(store.documents.list(KIND, { limit: 1 })).rejects.toThrow(StoreUnavailable);
  });
}
