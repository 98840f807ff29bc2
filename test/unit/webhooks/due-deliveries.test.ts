import { StoreUnavailable } from '../../../src/storage/task-store.js';
import type { Delivery } from '../../../src/webhooks/delivery.js';
import { DueDeliveries } from '../../../src/webhooks/due-deliveries.js';

const DELIVERY = { id: 'd1', to: 'https://receiver.example', nextAt: 0 };

describe('due deliveries', () => {
  it('are not under way twice, also when they are read again meanwhile', async () => {
    const begun: string[] = [];
    let end: (delivery?: Delivery) => void = fail;
    const deliver = (id: string) => {
      begun.push(id);
      return new Promise<Delivery | undefined>((resolve) => (end = resolve));
    };
    const due = new DueDeliveries(deliver, fail);
    due.add(DELIVERY);
    due.start(1);
    due.clear();
    due.add(DELIVERY);
    due.start(1);
    expect(begun).toEqual(['d1']);
    end();
    await due.settled();
    // Who knows what has become of it meanwhile: the one that delivers looks.
    due.start(1);
    expect(begun).toEqual(['d1', 'd1']);
    end();
    await due.settled();
  });

  /** Makes attempts that end when the test says so. */
  function staged() {
    const begun: string[] = [];
    const ends = new Map<string, (next?: Delivery) => void>();
    const due = new DueDeliveries((id) => {
      begun.push(id);
      return new Promise((resolve) => ends.set(id, resolve));
    }, fail);
    const end = async (id: string, next?: Delivery) => {
      ends.get(id)?.(next);
      await new Promise(setImmediate);
    };
    return { begun, due, end };
  }

  it('of one host hold up no others, whatever their paths and queries', () => {
    const { begun, due } = staged();
    for (let n = 0; n < 3_000; n += 1)
      due.add({ id: `silent${n}`, to: `http://SILENT.example/${n}?q=${n}`, nextAt: 0, source: 'qa' });
    due.add({ id: 'other', to: 'http://other.example/', nextAt: 0, source: 'qa' });
    due.start(1);
    expect(begun).toContain('other');
    expect(begun.filter((id) => id !== 'other')).toHaveLength(8);
  });

  it('of one queue hold up no other queue, whatever their hosts', async () => {
    const { begun, due, end } = staged();
    for (let n = 0; n < 3_000; n += 1)
      due.add({ id: `qa${n}`, to: `http://${n}.silent.example/`, nextAt: 0, source: 'qa' });
    due.start(1);
    expect(begun).toHaveLength(32);
    due.add({ id: 'qb', to: 'http://other.example/', nextAt: 0, source: 'qb' });
    due.start(1);
    expect(begun.slice(32)).toEqual(['qb']);
    await end('qa0');
    expect(begun).toHaveLength(34);
  });

  it('of many queues take turns', async () => {
    const { begun, due, end } = staged();
    for (const source of ['a', 'b', 'c', 'd', 'e'])
      for (let n = 0; n < 40; n += 1)
        due.add({ id: `${source}${n}`, to: `http://${source}${n}.example/`, nextAt: 0, source });
    due.start(1);
    expect(begun).toHaveLength(96);
    due.start(1);
    for (const id of begun.slice(0, 5)) await end(id);
    expect(new Set(begun.slice(96).map((id) => id[0])).size).toBe(5);
  });

  it('of hosts that answer find room, however many queues send to however many that do not', async () => {
    const { begun, due, end } = staged();
    const answering = { to: 'http://answers.example/', nextAt: 0 };
    due.add({ ...answering, id: 'first', source: 'quiet' });
    due.start(1);
    await end('first');
    for (let n = 0; n < 1_200; n += 1)
      due.add({ id: `n${n}`, to: `http://127.0.0.1:${2_000 + n}/`, nextAt: 0, source: `noisy${n % 12}` });
    due.start(1);
    expect(begun).toHaveLength(1 + 96);
    due.add({ ...answering, id: 'of another queue', source: 'quiet' });
    due.start(1);
    expect(begun.at(-1)).toBe('of another queue');
    due.add({ ...answering, id: 'of a noisy queue', source: 'noisy0' });
    for (let look = 0; look < 4; look += 1) due.start(1);
    expect(begun.at(-1)).toBe('of a noisy queue');
  });

  it('of a host that does not answer are tried one at a time until it answers', async () => {
    const { begun, due, end } = staged();
    const base = { body: '', messageId: 'm', state: 'pending', createdAt: 0, giveUpAt: 9 } as const;
    const silent = { ...base, id: 'd0', to: 'http://h.example/0', nextAt: 5, attempts: 1 };
    due.add({ ...silent, nextAt: 0 });
    due.start(1);
    for (let n = 1; n < 20; n += 1) due.add({ id: `d${n}`, to: `http://h.example/${n}`, nextAt: 0 });
    due.start(1);
    expect(begun).toEqual(['d0']);
    await end('d0', silent);
    expect(begun).toEqual(['d0', 'd1']);
    await end('d1');
    expect(begun).toHaveLength(10);
  });

  it('wait on when the store is away', async () => {
    const due = new DueDeliveries(() => Promise.reject(new StoreUnavailable('away', false)), fail);
    due.add(DELIVERY);
    due.start(1);
    await due.settled();
    expect(due.hasDue(1)).toBe(true);
  });

  it('wait on after any other error, which is told', async () => {
    const told: unknown[] = [];
    const mistake = new TypeError('a mistake');
    const due = new DueDeliveries(
      () => Promise.reject(mistake),
      (error) => told.push(error),
    );
    due.add(DELIVERY);
    due.start(1);
    await due.settled();
    expect([told, due.hasDue(1)]).toEqual([[mistake], true]);
  });
});

function fail(error: unknown): never {
  throw error;
}
