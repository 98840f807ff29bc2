import { generationOf, LeaseIds } from '../../../src/auth/lease-ids.js';
import { loadConfig } from '../../../src/config/config.js';
import { copyDocuments } from '../../../src/storage/document-copy.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { create } from '../../../src/task/task.machine.js';
import { ReferenceData, ReferenceStore } from '../../contract/reference-store.js';
import { DistantStore } from '../../support/distant-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

/** As the release before gave them out: without a proof. */
const UNPROVEN = '0-AAAAAAAAAAAAAAAAAAAAAAAA';

const config = loadConfig({});
let clock: FakeClock;
let data: ReferenceData;

beforeEach(() => {
  clock = new FakeClock();
  data = new ReferenceData();
});

/** A process at the store. */
function storeHere(): ReferenceStore {
  return new ReferenceStore(clock, ROOMY, data);
}

async function leaseIdsAt(store: ReferenceStore): Promise<LeaseIds> {
  const ids = new LeaseIds(store, store.documents, config);
  await ids.onModuleInit();
  return ids;
}

async function enqueueAt(store: ReferenceStore): Promise<void> {
  await store.insert([{ transition: create(spec(), clock.now()), payload: '"code":""' }]);
}

describe('LeaseIds', () => {
  it('makes ids of 144 random bits that carry the generation', async () => {
    const ids = await leaseIdsAt(storeHere());
    const made = Array.from({ length: 2_000 }, () => ids.make(46));
    expect(new Set(made.map((id) => id.slice(0, 27))).size).toBe(2_000);
    for (const id of made) expect(id).toMatch(/^1a-[A-Za-z0-9_-]{40}$/);
    expect(made.map(generationOf)).toEqual(made.map(() => 46));
    expect(generationOf(UNPROVEN)).toBe(0);
    expect(generationOf('nonsense')).toBeUndefined();
  });

  it('knows its own, those of another replica, and those of before a restart', async () => {
    const [one, other] = await Promise.all([leaseIdsAt(storeHere()), leaseIdsAt(storeHere())]);
    const id = one.make(0);
    const restarted = await leaseIdsAt(storeHere());
    expect([one, other, restarted].map((ids) => ids.isGenuine(id))).toEqual([true, true, true]);
  });

  it('knows none of another store', async () => {
    const here = await leaseIdsAt(storeHere());
    data = new ReferenceData();
    const there = await leaseIdsAt(storeHere());
    expect(there.isGenuine(here.make(0))).toBe(false);
  });

  it('takes no id for genuine that was changed, cut or made longer', async () => {
    const ids = await leaseIdsAt(storeHere());
    const id = ids.make(3);
    const changed = Array.from({ length: id.length }, (_, at) => {
      return `${id.slice(0, at)}${id[at] === 'x' ? 'y' : 'x'}${id.slice(at + 1)}`;
    });
    const others = [
      id.slice(0, -1),
      `${id}A`,
      ` ${id}`,
      `${id}\n`,
      `${id},${id}`,
      id.slice(2),
      `4${id.slice(1)}`,
      '',
    ];
    expect([...changed, ...others].filter((other) => ids.isGenuine(other))).toEqual([]);
  });

  it('knows the leases that came with the tasks of another store', async () => {
    const from = storeHere();
    const id = (await leaseIdsAt(from)).make(0);
    data = new ReferenceData();
    const to = storeHere();
    const own = (await leaseIdsAt(to)).make(0);
    for (const _time of [1, 2]) expect(await copyDocuments(from.documents, to.documents)).toEqual([]);
    const ids = await leaseIdsAt(to);
    expect([ids.isGenuine(id), ids.isGenuine(own), ids.isGenuine(ids.make(0))]).toEqual([true, true, true]);
  });

  it('takes ids without a proof for as long as the release before could give out a lease', async () => {
    const store = storeHere();
    await enqueueAt(store);
    const ids = await leaseIdsAt(store);
    expect(ids.isGenuine(UNPROVEN)).toBe(true);
    clock.advanceSeconds(86_400 + 29);
    expect((await leaseIdsAt(storeHere())).isGenuine(UNPROVEN)).toBe(true);
    clock.advanceSeconds(1);
    expect([ids, await leaseIdsAt(storeHere())].map((each) => each.isGenuine(UNPROVEN))).toEqual([
      false,
      false,
    ]);
  });

  it('takes no id without a proof where none was ever given out', async () => {
    const store = storeHere();
    const ids = await leaseIdsAt(store);
    await enqueueAt(store);
    expect([ids, await leaseIdsAt(storeHere())].map((each) => each.isGenuine(UNPROVEN))).toEqual([
      false,
      false,
    ]);
  });

  it('reads the secret later when the store is unavailable at the start', async () => {
    const store = new DistantStore(clock, data);
    store.goAway();
    const ids = await leaseIdsAt(store);
    await expect(ids.whenReady()).rejects.toThrow(StoreUnavailable);
    store.comeBack();
    await ids.whenReady();
    expect(ids.whenReady()).toBeUndefined();
    expect(ids.isGenuine(ids.make(0))).toBe(true);
  });
});
