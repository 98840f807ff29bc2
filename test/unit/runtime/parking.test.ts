import { jest } from '@jest/globals';
import { Parking } from '../../../src/runtime/parking.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';

class Full extends Error {}

const PATIENT = { onGone: () => undefined };

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
});

afterEach(() => {
  jest.useRealTimers();
});

describe('a parking', () => {
  const none = () => undefined;

  it('has one limit for all requests, and room as soon as one leaves', async () => {
    const parking = new Parking(2, () => new Full());
    const stay = { wait: 10, caller: PATIENT, timeOut: none, left: none };
    const poll = parking.park<number>(stay);
    parking.park<string>(stay);
    expect(() => parking.park(stay)).toThrow(Full);
    poll.leave(1);
    expect(parking.size).toBe(1);
    parking.park<undefined>(stay);
    expect(() => parking.park(stay)).toThrow(Full);
    expect(await poll.answer).toBe(1);
  });

  it('answers once, and reports once that a request has left', async () => {
    const left: string[] = [];
    const parking = new Parking(1, () => new Full());
    const request = parking.park<number>({
      wait: 1,
      caller: PATIENT,
      timeOut: () => request.leave(7),
      left: () => left.push('left'),
    });
    jest.advanceTimersByTime(1_000);
    request.leave(8);
    request.rejectUnavailable();
    expect([await request.answer, left, parking.size, request.isParked]).toEqual([7, ['left'], 0, false]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects a request when the store becomes unavailable', async () => {
    const parking = new Parking(1, () => new Full());
    const request = parking.park<number>({ wait: 1, caller: PATIENT, timeOut: none, left: none });
    request.rejectUnavailable();
    await expect(request.answer).rejects.toThrow(StoreUnavailable);
    expect(parking.size).toBe(0);
  });

  it('notices a caller that disconnects before the request is parked, and not after it has left', async () => {
    const parking = new Parking(2, () => new Full());
    let gone = 0;
    let hangUp: () => void = none;
    const giveUp = () => {
      gone += 1;
    };
    const stay = { wait: 1, timeOut: none, left: none, giveUp };
    parking.park({ ...stay, caller: { onGone: (callback) => callback() } });
    expect(gone).toBe(0);
    await Promise.resolve();
    expect(gone).toBe(1);
    const later = parking.park<number>({ ...stay, caller: { onGone: (callback) => (hangUp = callback) } });
    await Promise.resolve();
    later.leave(1);
    hangUp();
    expect(gone).toBe(1);
  });
});
