import { setImmediate as nextTurn } from 'node:timers/promises';
import { stopwatch } from '../../../src/http/stopwatch.js';
import { Turns } from '../../../src/http/turns.js';

/** As long as one turn begins heavy work. */
function work(): void {
  const end = stopwatch() + 6;
  while (stopwatch() < end);
}

describe('heavy work in turns', () => {
  it('lets other work run between two pieces', async () => {
    const turns = new Turns();
    const happened: string[] = [];
    const pieces = ['a', 'b', 'c'].map((name) =>
      turns.do(() => {
        work();
        happened.push(name);
      }),
    );
    for (let turn = 0; turn < 3; turn += 1) {
      await nextTurn();
      happened.push('other');
    }
    await Promise.all(pieces);
    expect(happened).toEqual(['a', 'other', 'b', 'other', 'c', 'other']);
  });

  it('maps many items in pieces, in order', async () => {
    const turns = new Turns();
    let turnsOfOthers = 0;
    let isDone = false;
    const others = (async () => {
      for (; !isDone; turnsOfOthers += 1) await nextTurn();
    })();
    const items = Array.from({ length: 160 }, (_, index) => index);
    const mapped = await turns.map(items, (item, index) => {
      if (index % 50 === 0) work();
      return item === index ? item * 2 : NaN;
    });
    isDone = true;
    await others;
    expect(mapped).toEqual(items.map((item) => item * 2));
    expect(turnsOfOthers).toBeGreaterThanOrEqual(3);
  });

  it('rejects with the error of a piece, and works afterwards', async () => {
    const turns = new Turns();
    const failing = turns.do(() => {
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await turns.do(() => Promise.resolve(1))).toBe(1);
  });

  /** How many turns others had while this was done. */
  async function turnsOfOthers(work: Promise<unknown>): Promise<number> {
    let [count, isDone] = [0, false];
    void work.finally(() => (isDone = true));
    for (; !isDone; count += 1) await nextTurn();
    return count;
  }

  it('visits many small items in parts, in order', async () => {
    const items = Array.from({ length: 5_500 }, (_, index) => index);
    const visited: number[] = [];
    const work = new Turns().inPieces(items, (part) => visited.push(...part));
    expect(await turnsOfOthers(work)).toBeGreaterThanOrEqual(5);
    expect(visited).toEqual(items);
  });

  it.each([0, 1, 2, 999, 1_000, 1_001, 2_000, 7_777])('sorts %i names as one sort does', async (length) => {
    const names = Array.from({ length }, (_, index) => `q${(index * 7_919) % 4_001}${'Aaz_Z'[index % 5]}`);
    expect(await new Turns().sorted(names)).toEqual(names.toSorted());
  });

  it('sorts many names in parts', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `q${(index * 7_919) % 20_011}`);
    expect(await turnsOfOthers(new Turns().sorted(names))).toBeGreaterThanOrEqual(60);
  });
});
