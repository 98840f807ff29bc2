import { again, attempted, plausible, type Delivery, newDelivery } from '../../../src/webhooks/delivery.js';
import type { Reply } from '../../../src/webhooks/webhook-sender.js';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const MESSAGE = { id: 'd', messageId: 'm', to: '*', body: '{}' };

function fresh(): Delivery {
  return newDelivery(MESSAGE, START, DAY_MS);
}

function tried(delivery: Delivery, reply: Reply, now = START): Delivery {
  return attempted(delivery, reply, { now, random: 0 });
}

describe('a delivery', () => {
  it.each([200, 201, 204, 299])('is delivered by %d', (status) => {
    expect(tried(fresh(), { status })).toMatchObject({
      state: 'delivered',
      endedAt: START,
      attempts: 1,
      status,
    });
  });

  it.each([100, 199, 300, 301, 307, 400, 404, 500, 503])('is tried again after %d', (status) => {
    expect(tried(fresh(), { status })).toMatchObject({ state: 'pending', nextAt: START + 5_000, status });
  });

  it('is tried again when no answer came', () => {
    const next = tried(fresh(), { error: 'No connection: ECONNREFUSED' });
    expect(next).toMatchObject({
      state: 'pending',
      nextAt: START + 5_000,
      error: 'No connection: ECONNREFUSED',
    });
  });

  it('waits twice as long each time, up to an hour, for a day, and is then parked', () => {
    let delivery = fresh();
    const waits: number[] = [];
    while (delivery.state === 'pending') {
      const now = delivery.nextAt;
      delivery = tried(delivery, { status: 500 }, now);
      if (delivery.state === 'pending') waits.push((delivery.nextAt - now) / 1000);
    }
    expect(waits.slice(0, 11)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
    expect(delivery).toMatchObject({ state: 'parked', endedAt: START + DAY_MS });
    expect(delivery.attempts).toBe(waits.length + 1);
  });

  it('waits longer by chance, by a fifth at most', () => {
    const next = attempted(fresh(), { status: 500 }, { now: START, random: 1 });
    expect(next.nextAt).toBe(START + 6_000);
  });

  it.each([
    ['120', 120_000],
    ['2', 5_000],
    [new Date(START + 90_000).toUTCString(), 90_000],
    [new Date(START - 90_000).toUTCString(), 5_000],
    ['soon', 5_000],
    ['99999999999', 5_000],
    ['999999999', DAY_MS],
  ])('waits as Retry-After: %s says, within its day', (retryAfter, wait) => {
    expect(tried(fresh(), { status: 429, retryAfter }).nextAt).toBe(START + wait);
  });

  it('is parked at once when the receiver is gone', () => {
    expect(tried(fresh(), { status: 410 })).toMatchObject({ state: 'parked', endedAt: START });
  });

  it('sent again waits as long as a new one does, and tells nothing of earlier attempts', () => {
    let delivery = fresh();
    for (let n = 0; n < 12; n += 1) delivery = tried(delivery, { error: 'No connection' });
    const next = again(delivery, delivery.nextAt, DAY_MS);
    expect(next).toMatchObject({ attempts: 0, state: 'pending' });
    expect([next.status, next.error]).toEqual([undefined, undefined]);
    const after = attempted(next, { status: 500 }, { now: next.nextAt, random: 0 });
    expect(after.nextAt - next.nextAt).toBe(5_000);
  });

  it('put off by a clock that was ahead is due at once when it is right again', () => {
    const now = fresh().createdAt;
    const ahead = now + 5 * DAY_MS;
    const made = newDelivery({ id: 'd', messageId: 'm', to: 'https://a.example', body: '{}' }, ahead, DAY_MS);
    expect(plausible(made, now, DAY_MS)).toMatchObject({ nextAt: now, giveUpAt: now + DAY_MS });
    const put = attempted(fresh(), { status: 500 }, { now: now + DAY_MS / 2, random: 0 });
    expect(plausible(put, now, DAY_MS)).toMatchObject({ nextAt: now, giveUpAt: fresh().giveUpAt });
    const asked = attempted(fresh(), { status: 503, retryAfter: '36000' }, { now, random: 0 });
    expect(plausible(asked, now, DAY_MS)).toEqual(asked);
  });

  it('begins again with a new day and the same message id', () => {
    const now = START + 2 * DAY_MS;
    const next = again(tried(fresh(), { status: 410 }), now, DAY_MS);
    expect(next).toMatchObject({ state: 'pending', messageId: 'm', nextAt: now, giveUpAt: now + DAY_MS });
    expect(next).not.toHaveProperty('endedAt');
  });
});
