import { randomBytes } from 'node:crypto';
import { allDocuments } from '../../../src/storage/document-store.js';
import { copyStore } from '../../../src/storage/store-copy.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { contentsOf } from '../../support/store-contents.js';
import { fillWithEverything } from '../../support/store-filling.js';
import { ROOMY } from '../../support/store-harness.js';
import { StoreUser } from '../../support/store-user.js';
import { FakeClock } from '../../support/task.builders.js';

function twoStores() {
  const clock = new FakeClock();
  const [from, to] = [new ReferenceStore(clock, ROOMY), new ReferenceStore(clock, ROOMY)];
  const userOf = (store: ReferenceStore) =>
    new StoreUser({
      store,
      clock,
      reopen: () => Promise.resolve(store),
      crash: () => Promise.resolve(store),
      destroy: () => store.close(),
    });
  return { from, to, source: userOf(from), target: userOf(to) };
}

describe('copyStore', () => {
  it('copies everything, to its place, and says how much', async () => {
    const { from, to, source } = twoStores();
    await fillWithEverything(source);
    const { total, ...rest } = await copyStore(from, to);
    expect(rest).toEqual({
      copied: total,
      present: 0,
      differentCount: 0,
      different: [],
      miscounted: [],
      differentDocuments: [],
      shortenedLogs: 0,
    });
    expect(total).toBe(11);
    expect(await contentsOf(to)).toEqual(await contentsOf(from));
  });

  it('goes on where it was interrupted', async () => {
    const { from, to, source } = twoStores();
    await source.add(...Array.from({ length: 250 }, (_, index) => ({ id: `t${index}` })));
    const interrupt = () => {
      throw new Error('interrupted');
    };
    await expect(copyStore(from, to, interrupt)).rejects.toThrow('interrupted');
    const seen: number[] = [];
    expect(await copyStore(from, to, ({ done }) => seen.push(done))).toMatchObject({
      total: 250,
      copied: 150,
      present: 100,
      different: [],
    });
    expect(seen).toEqual([100, 200, 250]);
    expect(await contentsOf(to)).toEqual(await contentsOf(from));
  });

  it('keeps pages in their order, and no more than some megabytes in memory', async () => {
    const { from, to, source } = twoStores();
    const large = `"metadata":{},"code":"${'x'.repeat(1024 * 1024)}"`;
    await source.add(...Array.from({ length: 1_050 }, (_, number) => ({ id: `first${number}` })));
    for (let index = 0; index < 40; index += 1) await source.addWith(large, { id: `large${index}` });
    await source.add(...Array.from({ length: 1_050 }, (_, number) => ({ id: `last${number}` })));
    const sizes: number[] = [];
    const restore = to.restore.bind(to);
    to.restore = (items) => {
      sizes.push(items.reduce((sum, { payload }) => sum + payload.length, 0));
      return restore(items);
    };
    expect(await copyStore(from, to)).toMatchObject({ total: 2_140, copied: 2_140, differentCount: 0 });
    expect(Math.max(...sizes)).toBeLessThan(20 * 1024 * 1024);
    const idsOf = async (store: ReferenceStore) =>
      (await store.views.list({ limit: 3_000 })).tasks.map(({ spec }) => spec.id);
    expect(await idsOf(to)).toEqual(await idsOf(from));
  });

  it('counts all that is different, and names the first hundred', async () => {
    const { from, to, source, target } = twoStores();
    const tasks = Array.from({ length: 150 }, (_, index) => ({ id: `t${index}` }));
    await source.add(...tasks);
    await target.add(...tasks.map(({ id }) => ({ id, queue: 'elsewhere' })));
    const { differentCount, different } = await copyStore(from, to);
    expect([differentCount, different.length]).toEqual([150, 100]);
  });

  it('copies documents, and leaves those alone that are there', async () => {
    const { from, to } = twoStores();
    for (const id of ['a', 'b', 'c']) await from.documents.put('schedule', { id, text: id, expected: 0 });
    await to.documents.put('schedule', { id: 'b', text: 'other', expected: 0 });
    expect(await copyStore(from, to)).toMatchObject({ differentDocuments: ['schedule b'] });
    const texts = (await allDocuments(to.documents, 'schedule')).map(({ text }) => text);
    expect(texts).toEqual(['c', 'a', 'other']);
  });

  it('copies what is set for queues, and leaves those alone for which something is set', async () => {
    const { from, to } = twoStores();
    const settings = { paused: true, maxConcurrency: 3, rateLimit: { tasks: 1, per: 2 } };
    await from.settings.change('a', settings);
    await from.settings.change('b', settings);
    await to.settings.change('b', { maxDepth: 1 });
    expect(await copyStore(from, to)).toMatchObject({ differentDocuments: ['settings of b'] });
    expect(await to.settings.of('a')).toEqual(settings);
    expect(await to.settings.of('b')).toEqual({ maxDepth: 1 });
  });

  it('overwrites nothing, and names what is different', async () => {
    const { from, to, source, target } = twoStores();
    await source.add({ id: 'same' }, { id: 'other' }, { id: 'further', queue: 'q' });
    await copyStore(from, to);
    await source.takeOne();
    await target.end('new here');
    const before = await contentsOf(to);
    expect(await copyStore(from, to)).toMatchObject({ copied: 0, present: 2, different: ['same'] });
    expect(await contentsOf(to)).toEqual(before);
  });

  it('copies logs, and says when the target keeps less of them', async () => {
    const { from, to, source } = twoStores();
    await source.add({ id: 'a' }, { id: 'b' });
    for (const size of [5, 700_000]) {
      const task = await source.takeOne();
      await from.logs.append({ task, bytes: randomBytes(size) });
    }
    expect(await copyStore(from, to)).toMatchObject({ differentCount: 0, shortenedLogs: 0 });
    const [a, b] = [await source.find('a'), await source.find('b')];
    expect(await to.logs.list(b)).toEqual(await from.logs.list(b));
    const range = { attempt: 1, offset: 0, limit: 9 };
    expect(await to.logs.read(a, range)).toEqual(await from.logs.read(a, range));
    const small = new ReferenceStore(from.clock, { ...ROOMY, logs: { maxBytes: 65_536, maxAttempts: 9 } });
    expect(await copyStore(from, small)).toMatchObject({ differentCount: 0, shortenedLogs: 1 });
  });

  it('names the queues in which something is missing', async () => {
    const { from, to, source } = twoStores();
    await source.add({ id: 'a', queue: 'x' }, { id: 'b', queue: 'y' });
    const clearOne = () => {
      void to.clear({ queues: ['x'] });
    };
    const report = copyStore(from, to, clearOne);
    expect((await report).miscounted).toEqual(['x']);
  });
});
