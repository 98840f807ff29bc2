import { LeaseCredential, Public, Roles } from '../../../src/auth/access.decorator.js';
import { accessOf } from '../../../src/auth/access.js';

class Plain {
  silent(): void {}

  @Roles('worker', 'viewer')
  forRoles(): void {}

  @Public()
  forAll(): void {}

  @Roles('worker')
  @LeaseCredential()
  forWorkersOrLeases(): void {}

  @LeaseCredential()
  forLeases(): void {}
}

@Public()
class Open extends Plain {}

@Roles('viewer')
class ForViewers extends Plain {}

const { silent, forRoles, forAll, forWorkersOrLeases, forLeases } = Plain.prototype;
const adminOnly = { isPublic: false, roles: [], takesLease: false, changes: false };
const everybody = { isPublic: true, roles: [], takesLease: false, changes: false };

describe('accessOf', () => {
  it('is admin only when nothing is said', () => {
    expect(accessOf(silent, Plain)).toEqual(adminOnly);
  });

  it('is what the handler says', () => {
    expect(accessOf(forRoles, Plain)).toEqual({ ...adminOnly, roles: ['worker', 'viewer'] });
    expect(accessOf(forAll, Plain)).toEqual(everybody);
    expect(accessOf(forWorkersOrLeases, Plain)).toEqual({
      ...adminOnly,
      roles: ['worker'],
      takesLease: true,
    });
    expect(accessOf(forLeases, Plain)).toEqual({ ...adminOnly, takesLease: true });
  });

  it('is what the class says when the handler says nothing', () => {
    expect(accessOf(silent, Open)).toEqual(everybody);
    expect(accessOf(silent, ForViewers)).toEqual({ ...adminOnly, roles: ['viewer'] });
  });

  it('is never wider than a handler that takes roles or a lease', () => {
    expect(accessOf(forRoles, Open)).toEqual({ ...adminOnly, roles: ['worker', 'viewer'] });
    expect(accessOf(forLeases, Open)).toEqual({ ...adminOnly, takesLease: true });
    expect(accessOf(forRoles, ForViewers).roles).toEqual(['worker', 'viewer']);
    expect(accessOf(forLeases, ForViewers)).toEqual({ ...adminOnly, roles: ['viewer'], takesLease: true });
  });

  it('cannot be public and not', () => {
    const declare = (): unknown => {
      class Both {
        @Roles('worker')
        @Public()
        handler(): void {}
      }
      return Both;
    };
    expect(declare).toThrow('either @Public() or');
  });
});
