import { History } from '../../../src/metrics/history.js';
import { allDocuments } from '../../../src/storage/document-store.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { claim, complete, create } from '../../../src/task/task.machine.js';
import { ReferenceData, ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { at, FakeClock, spec } from '../../support/task.builders.js';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LAST_HOUR = { step: 60, length: 3600 };
const LAST_DAY = { step: 600, length: 86_400 };

let clock: FakeClock;
let data: ReferenceData;

beforeEach(() => {
  clock = new FakeClock(START);
  data = new ReferenceData();
});

/** A process at the same data, with a line that the test can break. */
function replica() {
  const store = new ReferenceStore(clock, ROOMY, data);
  const { documents } = store;
  const put = documents.put.bind(documents);
  const line = { isBroken: false, writes: 0 };
  documents.put = (...args) => {
    if (line.isBroken) return Promise.reject(new StoreUnavailable('The store is away', false));
    line.writes += 1;
    return put(...args);
  };
  return { history: new History(store, documents), documents, line };
}

/** A task of the queue that waits two seconds and runs for four, beginning now. */
function story(queue: string): CommittedTransition[] {
  const from = clock.now().wall;
  const enqueued = create(spec({ queue }), at(from));
  if (enqueued.task.state !== 'queued') throw new Error('It has no delay');
  const claimed = claim(enqueued.task, { leaseId: 'lease-1', grace: 30 }, at(from + 2_000));
  const completed = complete(claimed.task, { leaseId: 'lease-1' }, at(from + 6_000));
  if (completed === undefined) throw new Error('It was not complete before');
  return [enqueued, claimed, completed].map((transition, index) => ({ ...transition, id: index + 1 }));
}

async function completedIn(history: History, query: Parameters<History['read']>[0]): Promise<number> {
  return (await history.read(query)).reduce((sum, { completed }) => sum + completed, 0);
}

describe('the history', () => {
  it('adds up the processes, by queue and in total, and survives them', async () => {
    const [one, two] = [replica(), replica()];
    one.history.record(story('a'));
    two.history.record([...story('a'), ...story('b')]);
    clock.advance(MINUTE);
    await Promise.all([one.history.flush(), two.history.flush()]);
    const later = replica();
    for (const query of [LAST_HOUR, LAST_DAY]) {
      expect(await completedIn(later.history, query)).toBe(3);
      expect(await completedIn(later.history, { ...query, queue: 'a' })).toBe(2);
      expect(await completedIn(later.history, { ...query, queue: 'none' })).toBe(0);
    }
    const point = (await later.history.read(LAST_HOUR)).find(({ at }) => at === START);
    expect(Math.abs((point?.wait?.p50 ?? 0) - 2)).toBeLessThan(0.2);
    expect(Math.abs((point?.run?.p99 ?? 0) - 4)).toBeLessThan(0.4);
  });

  it('includes unsaved figures once', async () => {
    const { history } = replica();
    history.record(story('a'));
    expect([await completedIn(history, LAST_HOUR), await completedIn(history, LAST_DAY)]).toEqual([1, 1]);
    await history.flush();
    history.record(story('a'));
    expect([await completedIn(history, LAST_HOUR), await completedIn(history, LAST_DAY)]).toEqual([2, 2]);
  });

  it('keeps figures through an outage of the store', async () => {
    const { history, line } = replica();
    history.record(story('a'));
    line.isBroken = true;
    await history.flush().catch(() => undefined);
    line.isBroken = false;
    await history.flush();
    expect(await completedIn(replica().history, LAST_HOUR)).toBe(1);
    expect(await completedIn(replica().history, LAST_DAY)).toBe(1);
  });

  it('writes nothing without transitions, and keeps one day', async () => {
    const { history, line, documents } = replica();
    await history.flush();
    expect(line.writes).toBe(0);
    for (let hour = 0; hour < 30; hour += 1) {
      history.record(story('a'));
      await history.flush();
      clock.advance(HOUR);
    }
    const ids = (await allDocuments(documents, 'history')).map(({ id }) => id);
    expect(ids.filter((id) => id.startsWith('m:')).length).toBeLessThanOrEqual(2);
    expect(ids.filter((id) => id.startsWith('t:')).length).toBeLessThanOrEqual(26);
    expect(await completedIn(history, { step: 1800, length: 86_400 })).toBe(23);
  });

  it('bounds its documents for any number of queues', async () => {
    const { history, documents } = replica();
    for (let queue = 0; queue < 300; queue += 1) history.record(story(`q-${queue}`));
    await history.flush();
    expect(await completedIn(replica().history, LAST_HOUR)).toBe(300);
    for (const { text } of await allDocuments(documents, 'history'))
      expect(Object.keys(JSON.parse(text) as object).length).toBeLessThanOrEqual(101);
  });

  it('removes figures of a clock that ran ahead', async () => {
    const ahead = replica();
    clock.advance(48 * HOUR);
    ahead.history.record(story('a'));
    await ahead.history.flush();
    clock.advance(-48 * HOUR);
    const { history, documents } = replica();
    await history.flush();
    expect(await allDocuments(documents, 'history')).toEqual([]);
  });
});
