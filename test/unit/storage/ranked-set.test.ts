import fc from 'fast-check';
import { RankedSet } from '../../../src/storage/embedded/ranked-set.js';

/** The same promises, kept slowly. */
class SortedList {
  private keys: number[] = [];

  get all(): readonly number[] {
    return this.keys;
  }

  add(key: number): boolean {
    if (this.keys.includes(key)) return false;
    this.keys = [...this.keys, key].sort((a, b) => a - b);
    return true;
  }

  delete(key: number): boolean {
    const before = this.keys.length;
    this.keys = this.keys.filter((other) => other !== key);
    return this.keys.length < before;
  }

  rank(key: number): number {
    return this.keys.filter((other) => other < key).length;
  }

  below(limit: number): number | undefined {
    return this.keys.filter((key) => key < limit).at(-1);
  }
}

function filled(keys: Iterable<number>): RankedSet {
  const set = new RankedSet();
  for (const key of keys) set.add(key);
  return set;
}

function range(count: number, step = 1): number[] {
  return Array.from({ length: count }, (_, index) => index * step);
}

/** The same order in every run. */
function shuffled(keys: readonly number[]): number[] {
  return [...keys].sort((a, b) => ((a * 7919) % 10_007) - ((b * 7919) % 10_007) || a - b);
}

/** All keys, by walking down from the end. */
function contents(set: RankedSet): number[] {
  const keys: number[] = [];
  for (let key = set.below(Infinity); key !== undefined; key = set.below(key)) keys.unshift(key);
  return keys;
}

describe('RankedSet', () => {
  it('finds the key of each rank in any number of chunks', () => {
    for (const count of [1, 511, 512, 513, 1_024, 5_000]) {
      const keys = range(count, 3);
      const set = filled(shuffled(keys));
      expect(keys.map((_, rank) => set.at(rank))).toEqual(keys);
      expect([set.at(count), set.at(-1)]).toEqual([undefined, undefined]);
    }
  });

  it('does what a sorted list does, whatever comes in whatever order', () => {
    const keys = fc.integer({ min: 0, max: 60 });
    const commands = fc.array(fc.tuple(fc.constantFrom('add', 'delete', 'shift', 'rank'), keys), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(commands, (list) => {
        const set = new RankedSet();
        const sorted = new SortedList();
        for (const [command, key] of list) {
          if (command === 'add') expect(set.add(key)).toBe(sorted.add(key));
          else if (command === 'delete') expect(set.delete(key)).toBe(sorted.delete(key));
          else if (command === 'shift') {
            const first = sorted.all[0];
            if (first !== undefined) sorted.delete(first);
            expect(set.shift()).toBe(first);
          }
          expect(set.rank(key)).toBe(sorted.rank(key));
          expect(set.has(key)).toBe(sorted.all.includes(key));
          expect(set.below(key)).toBe(sorted.below(key));
          expect(set.at(key)).toBe(sorted.all[key]);
          expect(set.last()).toBe(sorted.all.at(-1));
          expect(set.first()).toBe(sorted.all[0]);
          expect(set.size).toBe(sorted.all.length);
        }
        expect(contents(set)).toEqual(sorted.all);
      }),
    );
  });

  it.each([
    ['in order', range(5_000)],
    ['backwards', range(5_000).reverse()],
    ['in no order', shuffled(range(5_000))],
  ])('ranks thousands of keys that came %s', (_, keys) => {
    const set = filled(keys);
    expect(set.size).toBe(5_000);
    for (const key of range(50, 100)) expect(set.rank(key)).toBe(key);
    expect(contents(set)).toEqual(range(5_000));
  });

  it('keeps ranks right while keys go in and out between the questions', () => {
    const set = filled(range(4_000, 2));
    for (const key of range(1_000, 8)) {
      expect(set.rank(key)).toBe(set.rank(key - 1));
      expect(set.add(key + 1)).toBe(true);
      expect(set.rank(key + 2) - set.rank(key)).toBe(2);
      expect(set.delete(key)).toBe(true);
      expect(set.rank(key + 2) - set.rank(key)).toBe(1);
    }
    expect(set.size).toBe(4_000);
  });

  it('takes everything from the front while more is added at the end', () => {
    const set = filled(range(700));
    for (const key of range(5_000)) {
      set.add(700 + key);
      expect(set.shift()).toBe(key);
    }
    expect(contents(set)).toEqual(range(700).map((key) => key + 5_000));
  });

  it('puts keys back at the front, as a task that returns to its place', () => {
    const set = filled(range(2_000));
    for (let round = 0; round < 2_000; round += 1) {
      const taken = [set.shift(), set.shift(), set.shift()];
      for (const key of [taken[1], taken[2], taken[0]]) if (key !== undefined) set.add(key);
    }
    expect(contents(set)).toEqual(range(2_000));
  });

  it('is empty after everything was deleted, from any side, and can be filled again', () => {
    for (const order of [range(3_000), range(3_000).reverse(), shuffled(range(3_000))]) {
      const set = filled(range(3_000));
      for (const key of order) expect(set.delete(key)).toBe(true);
      expect([set.size, set.first(), set.shift(), set.below(Infinity), set.rank(5)]).toEqual([
        0,
        undefined,
        undefined,
        undefined,
        0,
      ]);
      expect(set.delete(1)).toBe(false);
      expect(set.add(7)).toBe(true);
      expect(contents(set)).toEqual([7]);
    }
  });

  it('stays right when most keys of the middle go', () => {
    const set = filled(range(10_000));
    for (const key of range(10_000)) if (key % 97 !== 0) set.delete(key);
    const left = range(104, 97);
    expect(contents(set)).toEqual(left);
    left.forEach((key, index) => {
      expect(set.rank(key)).toBe(index);
    });
  });

  it('keeps keys of the size that a place in a queue has', () => {
    const places = [2_000, 999, 1_000, 0].flatMap((priority) =>
      [1, 2, 2 ** 42 - 1].map((n) => priority * 2 ** 42 + n),
    );
    const set = filled(places);
    expect(contents(set)).toEqual([...places].sort((a, b) => a - b));
    expect(set.rank(2_000 * 2 ** 42 + 2)).toBe(10);
  });
});
