import { bareLease, effectiveLeaseId, isLeaseId } from '../../../src/auth/lease-credential.js';
import { ANYONE, hasRole, mayUseQueue } from '../../../src/auth/principal.js';
import type { Principal } from '../../../src/auth/principal.js';
import { ProblemError } from '../../../src/http/problem.error.js';

const producer: Principal = { keyId: 'p', roles: ['producer'], queues: ['a', 'b'] };

describe('mayUseQueue', () => {
  it('goes by the names, and by * for every queue', () => {
    expect(['a', 'b', 'c', '*'].map((queue) => mayUseQueue(producer, queue))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(mayUseQueue(ANYONE, 'c')).toBe(true);
  });
});

describe('hasRole', () => {
  it('wants one of the roles, and takes an admin for every role', () => {
    expect(hasRole(producer, ['worker', 'producer'])).toBe(true);
    expect(hasRole(producer, ['worker'])).toBe(false);
    expect(hasRole(producer, [])).toBe(false);
    expect(hasRole(ANYONE, [])).toBe(true);
    expect(hasRole(bareLease('lease-0001'), ['worker'])).toBe(false);
  });
});

describe('isLeaseId', () => {
  it.each([
    ['abcdefgh', true],
    ['A-Z_0-9-', true],
    ['x'.repeat(128), true],
    ['short-7', false],
    ['x'.repeat(129), false],
    ['lease-0001, lease-0002', false],
    ['lease-0001\n', false],
    ['', false],
  ])('says of %j %s', (text, isOne) => {
    expect(isLeaseId(text)).toBe(isOne);
  });
});

describe('effectiveLeaseId', () => {
  it('is the one in the body for a key', () => {
    expect(effectiveLeaseId(producer, 'lease-0001')).toBe('lease-0001');
    expect(effectiveLeaseId(producer, undefined)).toBeUndefined();
  });

  it('is the one of the credential, alone or said twice', () => {
    expect(effectiveLeaseId(bareLease('lease-0001'), undefined)).toBe('lease-0001');
    expect(effectiveLeaseId(bareLease('lease-0001'), 'lease-0001')).toBe('lease-0001');
  });

  it('refuses another one in the body', () => {
    const call = (): unknown => effectiveLeaseId(bareLease('lease-0001'), 'lease-0002');
    expect(call).toThrow(ProblemError);
    expect(call).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});
