import fc from 'fast-check';
import { BoundedBuffer } from '../../../src/events/bounded-buffer.js';

describe('BoundedBuffer', () => {
  it('behaves as a list that drops its first when it grows too long', () => {
    const actions = fc.array(fc.oneof(fc.constant('push'), fc.constant('shift'), fc.constant('clear')));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), actions, (capacity, steps) => {
        const buffer = new BoundedBuffer<{ n: number }>(capacity);
        let model: { n: number }[] = [];
        steps.forEach((step, n) => {
          if (step === 'push') {
            model.push({ n });
            const isDropped = model.length > capacity;
            if (isDropped) model.shift();
            expect(buffer.push({ n })).toBe(isDropped);
          } else if (step === 'shift') {
            expect(buffer.shift()).toEqual(model.shift());
          } else {
            expect(buffer.clear()).toBe(model.length);
            model = [];
          }
          expect(buffer.size).toBe(model.length);
        });
      }),
    );
  });
});
