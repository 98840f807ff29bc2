import { GrowingBuffer } from '../../../src/http/growing-buffer.js';

describe('GrowingBuffer', () => {
  it('holds no more than twice what was sent, however small the pieces are', () => {
    const body = new GrowingBuffer();
    let isWasteful = false;
    for (let count = 1; count <= 100_000; count += 1) {
      body.append(Buffer.from([count % 251]));
      isWasteful ||= body.capacity > Math.max(4096, 2 * count);
    }
    expect(isWasteful).toBe(false);
    expect(body.take()).toEqual(
      Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index + 1) % 251)),
    );
  });

  it('hands on a body of one piece as it is', () => {
    const piece = Buffer.from('whole');
    const body = new GrowingBuffer();
    body.append(piece);
    expect(body.take()).toBe(piece);
  });

  it.each([[[]], [['a']], [['', 'a']], [['a', '', 'bc']], [['x'.repeat(5000), 'y', 'z'.repeat(9000)]]])(
    'puts pieces together in their order',
    (pieces) => {
      const body = new GrowingBuffer();
      for (const piece of pieces) body.append(Buffer.from(piece));
      expect(body.take().toString()).toBe(pieces.join(''));
      expect(body.length).toBe(pieces.join('').length);
    },
  );
});
