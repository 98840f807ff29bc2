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
