import { inFlight } from '../../../../src/storage/redis/connection/in-flight.js';

/** Calls that a test answers. */
class Calls {
  readonly begun: number[] = [];
  private readonly answers = new Map<
    number,
    { give: (text: string) => void; fail: (error: Error) => void }
  >();

  make = (item: number): Promise<string> => {
    this.begun.push(item);
    return new Promise((give, fail) => this.answers.set(item, { give, fail }));
  };

  async answer(item: number): Promise<void> {
    this.answers.get(item)?.give(`answer ${item}`);
    await new Promise(setImmediate);
  }

  async fail(item: number): Promise<void> {
    this.answers.get(item)?.fail(new Error(`failure ${item}`));
    await new Promise(setImmediate);
  }
}

describe('calls in flight', () => {
  it('are limited in number, with results in the order of the items', async () => {
    const calls = new Calls();
    const all = inFlight([1, 2, 3, 4], 2, calls.make);
    expect(calls.begun).toEqual([1, 2]);
    await calls.answer(2);
    expect(calls.begun).toEqual([1, 2, 3]);
    await calls.answer(3);
    await calls.answer(1);
    await calls.answer(4);
    expect(await all).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4']);
  });

  it('end with the error of a failure, after the calls that had begun', async () => {
    const calls = new Calls();
    let isOver = false;
    const all = inFlight([1, 2, 3, 4], 2, calls.make).finally(() => (isOver = true));
    all.catch(() => undefined);
    await calls.fail(2);
    expect([calls.begun, isOver]).toEqual([[1, 2], false]);
    await calls.fail(1);
    await expect(all).rejects.toThrow('failure 2');
    expect(calls.begun).toEqual([1, 2]);
  });

  it('make no calls without items', async () => {
    expect(await inFlight([], 2, () => Promise.reject(new Error('Not reached')))).toEqual([]);
  });
});
