import { ReadyLanes } from '../../../src/storage/embedded/ready-lanes.js';
import { Offer, signatureOf } from '../../../src/task/requirements.js';

/** Counts how many pairs are looked up in it. */
class CountingSet extends Set<string> {
  lookUps = 0;

  override has(pair: string): boolean {
    this.lookUps += 1;
    return super.has(pair);
  }
}

function offerOf(labels: Record<string, string>): { offer: Offer; pairs: CountingSet } {
  const pairs = new CountingSet(new Offer(labels).pairs);
  return { offer: Object.assign(new Offer(labels), { pairs }), pairs };
}

function laneOf(requires: Record<string, string>, group = '') {
  return { priority: 1, group, signature: signatureOf(requires) };
}

describe('ready tasks of many requirements', () => {
  it('are found past all that a worker does not offer', () => {
    const lanes = new ReadyLanes();
    for (let number = 1; number <= 20_000; number += 1)
      lanes.add(laneOf({ kind: 'pinned', host: `h${number}` }), number);
    const { offer, pairs } = offerOf({ kind: 'pinned', host: 'h777' });
    expect(lanes.picks(offer).next()).toMatchObject({ number: 777 });
    expect(lanes.picks(offerOf({ kind: 'pinned' }).offer).next()).toBeUndefined();
    expect(pairs.lookUps).toBeLessThan(10);
  });

  it('leave nothing behind, and take turns by group within a level', () => {
    const lanes = new ReadyLanes();
    const all = [
      { lane: laneOf({ gpu: 'a' }, 'g'), number: 1 },
      { lane: laneOf({}, 'g'), number: 2 },
      { lane: laneOf({ gpu: 'a', zone: 'eu' }, 'h'), number: 3 },
      { lane: laneOf({ zone: 'eu' }), number: 4 },
    ];
    for (const { lane, number } of all) lanes.add(lane, number);
    const picks = lanes.picks(new Offer({ gpu: 'a', zone: 'eu' }));
    const order: number[] = [];
    for (let next = picks.next(); next !== undefined; next = picks.next()) {
      order.push(next.number);
      lanes.serve(next);
    }
    expect(order).toEqual([1, 3, 4, 2]);
    for (const { lane, number } of all) lanes.add(lane, number);
    for (const { lane, number } of all) lanes.delete(lane, number);
    expect(lanes.position(laneOf({ gpu: 'a' }, 'g'), 1)).toBeUndefined();
    expect(lanes.next(new Offer({ gpu: 'a', zone: 'eu' }))).toBeUndefined();
  });
});

describe('groups at their limit', () => {
  it('are passed over, and come back to their places', () => {
    const full = new Set(['a']);
    const lanes = new ReadyLanes((group) => full.has(group));
    for (const [index, group] of ['a', 'b', 'a', 'b'].entries()) lanes.add(laneOf({}, group), index + 1);
    const offer = new Offer();
    expect(lanes.next(offer)).toMatchObject({ number: 2 });
    lanes.readmitAll();
    expect(lanes.next(offer)).toMatchObject({ number: 2 });
    full.clear();
    lanes.readmit('a');
    expect(lanes.next(offer)).toMatchObject({ number: 1 });
  });

  it('are forgotten when their last task goes while they are passed over', () => {
    const full = new Set(['a']);
    const lanes = new ReadyLanes((group) => full.has(group));
    lanes.add(laneOf({}, 'a'), 1);
    expect(lanes.next(new Offer())).toBeUndefined();
    lanes.delete(laneOf({}, 'a'), 1);
    full.clear();
    lanes.readmit('a');
    expect(lanes.next(new Offer())).toBeUndefined();
  });
});

describe('levels of which the most urgent goes first', () => {
  it('ask once when each task was accepted, however many are picked', () => {
    const lanes = new ReadyLanes();
    for (let number = 1; number <= 2_000; number += 1)
      lanes.add({ ...laneOf({}), priority: number % 1_000 }, number);
    let reads = 0;
    const createdAt = (number: number) => {
      reads += 1;
      return number;
    };
    const picks = lanes.picks(new Offer(), { perPoint: 1, createdAt });
    const order = Array.from({ length: 100 }, () => {
      const next = picks.next();
      if (next !== undefined) lanes.serve(next);
      return next?.priority;
    });
    expect(order.slice(0, 3)).toEqual([999, 998, 999]);
    expect(reads).toBeLessThanOrEqual(1_100);
  });
});
