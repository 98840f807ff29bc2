import { loadConfig } from '../../../src/config/config.js';
import { allDocuments } from '../../../src/storage/document-store.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { DrainList } from '../../../src/workers/drain-list.js';
import { hasLeft } from '../../../src/workers/worker-record.js';
import { WorkerRegistry } from '../../../src/workers/worker-registry.js';
import { ReferenceData, ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock } from '../../support/task.builders.js';

const CONFIG = loadConfig({});

let clock: FakeClock;
let data: ReferenceData;

beforeEach(() => {
  clock = new FakeClock();
  data = new ReferenceData();
});

/** A process at the same data, with a line that the test can break. */
function replica() {
  const store = new ReferenceStore(clock, ROOMY, data);
  const { documents } = store;
  const put = documents.put.bind(documents);
  const line = { isBroken: false, writes: 0, characters: 0 };
  documents.put = (...args) => {
    if (line.isBroken) return Promise.reject(new StoreUnavailable('The store is away', 'unknown'));
    line.writes += 1;
    line.characters += args[1].text.length;
    return put(...args);
  };
  return {
    line,
    documents,
    registry: new WorkerRegistry(store, documents, new DrainList(documents), CONFIG),
  };
}

async function lookAt({ registry }: ReturnType<typeof replica>, id = 'w1') {
  const worker = (await registry.list()).get(id);
  return worker && { silence: clock.now().wall - worker.lastSeen, hasLeft: hasLeft(worker) };
}

describe('the registry of workers', () => {
  it('writes what it could not write as soon as the store is back', async () => {
    const [one, two] = [replica(), replica()];
    one.registry.markSeen('w1');
    await one.registry.flush();
    one.line.isBroken = true;
    clock.advance(1_000);
    await expect(one.registry.left('w1', clock.now().wall)).rejects.toThrow(StoreUnavailable);
    expect(await lookAt(two)).toEqual({ silence: 1_000, hasLeft: false });
    one.line.isBroken = false;
    await one.registry.flush();
    expect(await lookAt(two)).toEqual({ silence: 0, hasLeft: true });
  });

  it('hears of a parked poll at every process, and writes it once', async () => {
    const [one, two] = [replica(), replica()];
    one.registry.markSeen('w1');
    const end = one.registry.parked('w1');
    await one.registry.flush();
    const { writes } = one.line;
    clock.advance(15_000);
    await one.registry.flush();
    expect(one.line.writes).toBe(writes);
    expect(await lookAt(two)).toEqual({ silence: 0, hasLeft: false });
    end();
    await one.registry.flush();
    expect(await lookAt(two)).toEqual({ silence: 15_000, hasLeft: false });
  });

  it('writes nothing for a worker that parks one poll after the other, but a sign of life', async () => {
    const [one, two] = [replica(), replica()];
    one.registry.markSeen('w1', ['q']);
    let end = one.registry.parked('w1');
    await one.registry.flush();
    const { writes } = one.line;
    for (let second = 1; second < 20; second += 1) {
      clock.advance(1_000);
      end();
      one.registry.markSeen('w1', ['q']);
      end = one.registry.parked('w1');
      await one.registry.flush();
    }
    expect(one.line.writes).toBe(writes);
    expect(await lookAt(two)).toEqual({ silence: 0, hasLeft: false });
    clock.advance(1_000);
    await one.registry.flush();
    expect(one.line.writes).toBe(writes + 1);
    end();
    await one.registry.left('w1', clock.now().wall);
    expect(await lookAt(two)).toEqual({ silence: 0, hasLeft: true });
  });

  it('writes only the part of the sheet that has changed', async () => {
    const [one, two] = [replica(), replica()];
    const ids = Array.from({ length: 100 }, (_, index) => `w${index}`);
    for (const id of ids) one.registry.markSeen(id);
    await one.registry.flush();
    const { writes, characters } = one.line;
    clock.advance(1_000);
    one.registry.markSeen('w50');
    await one.registry.flush();
    expect(one.line.writes).toBe(writes + 1);
    expect(one.line.characters - characters).toBeLessThan(characters / 4);
    expect([...(await two.registry.list()).keys()].toSorted()).toEqual(ids.toSorted());
    expect(await lookAt(two, 'w50')).toEqual({ silence: 0, hasLeft: false });
    expect(await lookAt(two, 'w51')).toEqual({ silence: 1_000, hasLeft: false });

    clock.advance((CONFIG.WORKER_FORGET_SECONDS + 1) * 1_000);
    one.registry.markSeen('w50');
    await one.registry.flush();
    const documents = await allDocuments(one.documents, 'workers');
    expect(
      documents.map(({ text }) => Object.keys((JSON.parse(text) as { workers: object }).workers)),
    ).toEqual([['w50']]);
  });

  it('lets the polls of a killed process fade', async () => {
    const [one, two] = [replica(), replica()];
    one.registry.markSeen('w1');
    one.registry.parked('w1');
    await one.registry.flush();
    clock.advance(50_000);
    expect(await lookAt(two)).toEqual({ silence: 30_000, hasLeft: false });
    two.registry.markSeen('w2');
    clock.advance(50_000);
    // By now the other process has taken over its sheet.
    expect(await lookAt(two)).toEqual({ silence: 80_000, hasLeft: false });
    expect(await lookAt(two)).toEqual({ silence: 80_000, hasLeft: false });
  });

  it('keeps a parked worker when another process took it for dead', async () => {
    const [one, two] = [replica(), replica()];
    one.registry.markSeen('w1');
    one.registry.parked('w1');
    await one.registry.flush();
    clock.advance(61_000);
    two.registry.markSeen('w2');
    await two.registry.flush();
    await one.registry.flush();
    await one.registry.flush();
    expect(await lookAt(two)).toEqual({ silence: 0, hasLeft: false });
  });

  it('forgets no worker with a parked poll', async () => {
    const one = replica();
    one.registry.markSeen('w1');
    one.registry.parked('w1');
    clock.advance((CONFIG.WORKER_FORGET_SECONDS + 1) * 1_000);
    expect(await lookAt(one)).toEqual({ silence: 0, hasLeft: false });
  });

  it('keeps a goodbye when another process takes over its sheet', async () => {
    const [one, two] = [replica(), replica()];
    one.registry.markSeen('w1');
    await one.registry.left('w1', clock.now().wall);
    clock.advance(61_000);
    two.registry.markSeen('w2');
    await two.registry.flush();
    expect(await lookAt(two)).toEqual({ silence: 61_000, hasLeft: true });
    two.registry.markSeen('w1');
    expect(await lookAt(two)).toEqual({ silence: 0, hasLeft: false });
  });

  it('reads the sheets of older versions', async () => {
    const one = replica();
    const at = clock.now().wall;
    const w1 = { firstSeen: at, lastSeen: at, completed: 3, failed: 0, lost: 0, queues: ['default'] };
    await one.documents.put('workers', {
      id: 'an-older-process',
      text: JSON.stringify({ at, workers: { w1 } }),
      expected: 0,
    });
    clock.advance(1_000);
    expect((await one.registry.list()).get('w1')).toEqual(w1);
    await one.registry.left('w1', clock.now().wall);
    expect((await one.registry.list()).get('w1')).toMatchObject({ completed: 3, leftAt: at + 1_000 });
  });
});
