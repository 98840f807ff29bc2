import fc from 'fast-check';
import { CURSOR, cursorAt, numberOf, placeOf } from '../../../src/http/cursor.js';
import { ProblemError } from '../../../src/http/problem.error.js';

describe('a cursor', () => {
  it('stands for the place it was made for, and fits into an address', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-Za-z_-]{1,190}$/), (place) => {
        const cursor = cursorAt('tasks', place);
        expect(placeOf('tasks', cursor)).toBe(place);
        expect(cursor).toMatch(CURSOR);
      }),
    );
    expect(numberOf('batches', cursorAt('batches', 12))).toBe(12);
    expect(placeOf('tasks', undefined)).toBeUndefined();
    expect(numberOf('tasks', undefined)).toBeUndefined();
  });

  it.each([
    '',
    '3',
    '0',
    'zzzz',
    '-',
    '3-',
    '3-AAAAAA',
    `${cursorAt('tasks', 3)}x`,
    cursorAt('tasks', 3).slice(1),
  ])('is not %j', (cursor) => {
    expect(() => placeOf('tasks', cursor)).toThrow(ProblemError);
  });

  it('is good for one list', () => {
    expect(() => numberOf('batches', cursorAt('schedules', 3))).toThrow('must be the next_cursor');
    expect(() => numberOf('batches', cursorAt('batches', 'abc'))).toThrow('must be the next_cursor');
  });
});
