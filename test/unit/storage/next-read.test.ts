import { NextRead } from '../../../src/storage/next-read.js';

describe('a read that callers share', () => {
  it('begins after each call, one at a time, and once for all calls meanwhile', async () => {
    const answers: ((text: string) => void)[] = [];
    const shared = new NextRead(() => new Promise<string>((resolve) => answers.push(resolve)));
    const first = shared.get();
    await Promise.resolve();
    const [second, third] = [shared.get(), shared.get()];
    await new Promise(setImmediate);
    expect(answers).toHaveLength(1);
    answers[0]?.('one');
    expect(await first).toBe('one');
    await new Promise(setImmediate);
    expect(answers).toHaveLength(2);
    answers[1]?.('two');
    expect(await Promise.all([second, third])).toEqual(['two', 'two']);
  });

  it('works after a failure', async () => {
    const results = [Promise.reject(new Error('away')), Promise.resolve('there')].values();
    const shared = new NextRead(() => results.next().value ?? Promise.resolve('no more'));
    await expect(shared.get()).rejects.toThrow('away');
    expect(await shared.get()).toBe('there');
  });
});
