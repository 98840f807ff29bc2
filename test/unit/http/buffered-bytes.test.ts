import { BufferedBytes } from '../../../src/http/buffered-bytes.js';

const KIB = 1024;

describe('BufferedBytes', () => {
  function bodies(buffered: BufferedBytes) {
    const cut: string[] = [];
    const hold = (name: string) => buffered.holdBody(() => cut.push(name));
    return { cut, hold };
  }

  it('disconnects the clients that began first, and only as many as necessary', () => {
    const buffered = new BufferedBytes(300 * KIB);
    const { cut, hold } = bodies(buffered);
    const [one, two, three] = [hold('one'), hold('two'), hold('three')];
    one.grow(100 * KIB);
    two.grow(100 * KIB);
    three.grow(100 * KIB);
    expect(cut).toEqual([]);
    three.grow(150 * KIB);
    expect(cut).toEqual(['one']);
    expect(buffered.size).toBe(250 * KIB);
  });

  it('counts nothing twice, and nothing that is finished', () => {
    const buffered = new BufferedBytes(300 * KIB);
    const { cut, hold } = bodies(buffered);
    for (let number = 0; number < 100; number += 1) {
      const body = hold(String(number));
      body.grow(100 * KIB);
      body.grow(200 * KIB);
      body.release();
      body.release();
    }
    expect([cut, buffered.size]).toEqual([[], 0]);
  });

  it('ignores small bodies', () => {
    const buffered = new BufferedBytes(300 * KIB);
    hold();
    expect(buffered.size).toBe(0);

    function hold() {
      for (let number = 0; number < 1_000; number += 1) bodies(buffered).hold('small').grow(KIB);
    }
  });

  it('disconnects a client whose body alone is too large', () => {
    const buffered = new BufferedBytes(300 * KIB);
    const { cut, hold } = bodies(buffered);
    hold('large').grow(301 * KIB);
    expect([cut, buffered.size]).toEqual([['large'], 0]);
  });
});
