import type { Authenticator } from '../../src/auth/authenticator.js';
import { AuthGuard } from '../../src/auth/auth.guard.js';
import { covers, type Principal } from '../../src/auth/principal.js';
import type { Ms, Timeline } from './scheduler.js';

export type KeyState = 'whole' | 'limited' | 'withdrawn';

const WHOLE: Principal = { keyId: 'crew', roles: ['worker', 'producer', 'viewer'], queues: ['a', 'b'] };
const LIMITED: Principal = { ...WHOLE, queues: ['a'] };

/** A key that somebody limits, withdraws and gives back while it is in use. */
export class Keys {
  principal: Principal | undefined = WHOLE;
  changedAt: Ms = 0;
  private readonly listeners = new Set<() => void>();
  /** The real one, at a key file that the simulation writes. */
  readonly guard: AuthGuard;

  constructor(private readonly scheduler: Timeline) {
    const file: Pick<Authenticator, 'again' | 'onChange'> = {
      again: () => this.principal,
      onChange: (callback) => {
        this.listeners.add(callback);
        return () => this.listeners.delete(callback);
      },
    };
    this.guard = new AuthGuard(file as Authenticator);
  }

  change(state: KeyState): void {
    this.changedAt = this.scheduler.now;
    this.principal = { whole: WHOLE, limited: LIMITED, withdrawn: undefined }[state];
    for (const listener of [...this.listeners]) listener();
  }

  /** Whether a request that came with this principal may go on. */
  isGood(then: Principal | undefined): boolean {
    return then !== undefined && this.principal !== undefined && covers(this.principal, then);
  }
}
