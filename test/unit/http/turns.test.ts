import { setImmediate as nextTurn } from 'node:timers/promises';
import { stopwatch } from '../../../src/http/stopwatch.js';
import { Turns } from '../../../src/http/turns.js';

/** As long as one turn begins heavy work. */
function work(): void {
  const end = stopwatch() + 6;
  while (stopwatch() < end);
}

describe('the turns of heavy work', () => {
  it('let others have a turn between two pieces', async () => {
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

  it('map many items in pieces, in their order', async () => {
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

  it('reject with what a piece throws, and go on', async () => {
    const turns = new Turns();
    const failing = turns.do(() => {
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await turns.do(() => Promise.resolve(1))).toBe(1);
  });
});
