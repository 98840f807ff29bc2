import fc from 'fast-check';
import { isQueueChoice, namesIn, orderOf } from '../../../src/queue/queue-choice.js';

describe('the queues of a claim', () => {
  it.each([[['a']], [['a', 'b']], [{ a: 1 }], [{ a: 3, b: 0.5 }]])('may be %j', (choice) => {
    expect(isQueueChoice(choice)).toBe(true);
  });

  it.each([
    [[]],
    [{}],
    [null],
    ['a'],
    [['a/b']],
    [[1]],
    [{ a: 0 }],
    [{ a: -1 }],
    [{ a: '3' }],
    [{ a: null }],
    [{ a: 1e9 }],
    [{ 'a/b': 1 }],
    [JSON.parse('{"__proto__":1}')],
    [Array.from({ length: 51 }, (_, index) => `q${index}`)],
  ])('are not %j', (choice) => {
    expect(isQueueChoice(choice)).toBe(false);
  });

  it('are looked at in the order of a list', () => {
    expect(orderOf(['b', 'a'])).toEqual(['b', 'a']);
  });

  it('are all looked at, whatever is drawn', () => {
    const weights = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.integer({ min: 1, max: 1_000_000 }), {
      minKeys: 1,
    });
    const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(weights, draw, (choice, random) => {
        expect(orderOf(choice, () => random).toSorted()).toEqual(namesIn(choice).toSorted());
      }),
    );
  });

  it('come first as often as their weights say', () => {
    const draws = 100;
    let first = 0;
    // Every pair of draws of a fine grid: what chance would bring in the long run.
    for (let one = 0; one < draws; one += 1) {
      for (let other = 0; other < draws; other += 1) {
        const grid = [(one + 0.5) / draws, (other + 0.5) / draws];
        if (orderOf({ a: 3, b: 1 }, () => grid.shift() ?? 0)[0] === 'a') first += 1;
      }
    }
    expect(first / draws ** 2).toBeCloseTo(0.75, 2);
  });
});
