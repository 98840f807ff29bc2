import { FailureLimit } from '../../../src/auth/failure-limit.js';
import { FakeClock } from './auth.support.js';

function fail(limit: FailureLimit, address: string, times: number): void {
  for (let time = 0; time < times; time += 1) limit.count(address);
}

describe('FailureLimit', () => {
  it('lets an address fail so many times and then makes it wait for the rest of the minute', () => {
    const clock = new FakeClock();
    const limit = new FailureLimit(3, clock);
    fail(limit, '10.0.0.1', 2);
    expect(limit.secondsToWait('10.0.0.1')).toBe(0);
    clock.advance(20_500);
    fail(limit, '10.0.0.1', 1);
    expect(limit.secondsToWait('10.0.0.1')).toBe(40);
    clock.advance(39_500);
    expect(limit.secondsToWait('10.0.0.1')).toBe(0);
  });

  it('begins anew after a minute', () => {
    const clock = new FakeClock();
    const limit = new FailureLimit(2, clock);
    fail(limit, '10.0.0.1', 2);
    clock.advance(60_000);
    fail(limit, '10.0.0.1', 1);
    expect(limit.secondsToWait('10.0.0.1')).toBe(0);
    fail(limit, '10.0.0.1', 1);
    expect(limit.secondsToWait('10.0.0.1')).toBe(60);
  });

  it('counts each address by itself', () => {
    const limit = new FailureLimit(1, new FakeClock());
    fail(limit, '10.0.0.1', 1);
    expect(limit.secondsToWait('10.0.0.2')).toBe(0);
  });

  it.each([
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['2001:db8::1', '2001:db8::2', true],
    ['2001:db8:0:1::1', '2001:db8:0:1:8::', true],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['::1', '::2', true],
    ['::1', '1::', false],
    ['fe80::1%eth0', 'fe80::2%eth0', true],
  ])('takes %s and %s for one client: %s', (one, other, isSame) => {
    const limit = new FailureLimit(1, new FakeClock());
    fail(limit, one, 1);
    expect(limit.secondsToWait(other) > 0).toBe(isSame);
  });

  it('remembers a bounded number of addresses, the latest', () => {
    const limit = new FailureLimit(1, new FakeClock(), 100);
    for (let host = 0; host < 250; host += 1) limit.count(`10.0.0.${host}`);
    expect(limit.secondsToWait('10.0.0.149')).toBe(0);
    expect(limit.secondsToWait('10.0.0.150')).toBe(60);
    expect(limit.secondsToWait('10.0.0.249')).toBe(60);
  });
});
