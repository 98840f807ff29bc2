import { RecentMap } from '../../../../src/storage/redis/records/recent-map.js';

describe('a map of what was set lately', () => {
  it('holds at least the latest half of what it may, and never more', () => {
    const map = new RecentMap<number, string>(10);
    for (let key = 0; key < 100; key += 1) {
      map.set(key, `value ${key}`);
      const present = Array.from({ length: 100 }, (_, each) => each).filter(
        (each) => map.get(each) !== undefined,
      );
      expect(present.length).toBeLessThanOrEqual(10);
      expect(present.slice(-5)).toEqual(
        Array.from({ length: Math.min(5, key + 1) }, (_, at) => key - Math.min(4, key) + at),
      );
    }
  });

  it('has the value that was set last, whatever it had before', () => {
    const map = new RecentMap<string, number>(4);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([3, 2, undefined]);
  });

  it('forgets a key wherever it is, and takes it again', () => {
    const map = new RecentMap<string, number>(4);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    map.forget('a');
    expect(map.get('a')).toBeUndefined();
    map.set('a', 4);
    expect(map.get('a')).toBe(4);
    map.clear();
    expect(map.get('a')).toBeUndefined();
  });
});
