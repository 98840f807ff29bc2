import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { ApiKeys, digestOf, isInTime } from '../../auth/api-keys.js';
import { Authenticator } from '../../auth/authenticator.js';
import { ANYONE, type Principal } from '../../auth/principal.js';
import { after, Clock, isAhead, type Seconds } from '../../task/clock.js';
import { cookiesOf } from './session.cookie.js';
import { SessionSecret } from './session.secret.js';
import { isGenuine, readClaim, type SessionClaim, sessionToken } from './session.token.js';
import { SignOuts } from './sign-outs.js';

/** A working day. */
export const SESSION_LENGTH: Seconds = 12 * 3600;

interface Session {
  readonly principal: Principal;
  readonly claim: SessionClaim;
}

/** Who is signed in to the dashboard. */
@Injectable()
export class Sessions {
  constructor(
    private readonly keys: ApiKeys,
    private readonly authenticator: Authenticator,
    private readonly secret: SessionSecret,
    private readonly signOuts: SignOuts,
    private readonly clock: Clock,
  ) {}

  /** Whether no key is configured, so that nobody has to sign in. */
  get isOpen(): boolean {
    return this.keys.isOpen;
  }

  /**
   * The token of a new session.
   *
   * @throws ProblemError as for any other request with this key
   */
  async begin(request: IncomingMessage, key: string): Promise<string> {
    // The key ring knows the bytes of a header, which Node reads as one character each.
    const text = Buffer.from(key, 'utf8').toString('latin1');
    const { keyId } = this.authenticator.authenticateKey(request, text);
    const endsAt = Math.floor(after(this.clock.now().wall, SESSION_LENGTH));
    const nonce = randomBytes(12).toString('base64url');
    return sessionToken({ keyId, endsAt, nonce }, digestOf(text), await this.secret.read());
  }

  /** Who makes the request; `undefined` when nobody is signed in, or the key is no longer valid. */
  async principalOf(request: IncomingMessage): Promise<Principal | undefined> {
    if (this.keys.isOpen) return ANYONE;
    for (const { principal, claim } of await this.sessionsOf(request)) {
      if (!(await this.signOuts.has(claim))) return principal;
    }
    return undefined;
  }

  /**
   * Ends every session that the request shows, on all replicas and for good.
   *
   * @throws StoreUnavailable when that cannot be kept
   */
  async end(request: IncomingMessage): Promise<void> {
    for (const { claim } of await this.sessionsOf(request)) await this.signOuts.add(claim);
  }

  /** The genuine ones that have not reached their end, whether they were signed out or not. */
  private async sessionsOf(request: IncomingMessage): Promise<readonly Session[]> {
    const now = this.clock.now().wall;
    const found: Session[] = [];
    for (const token of cookiesOf(request)) {
      const claim = readClaim(token);
      if (claim === undefined || claim.endsAt <= now) continue;
      // It was begun under a clock that was ahead, and would last longer than any session may.
      if (isAhead(claim.endsAt, after(now, SESSION_LENGTH))) continue;
      const secret = await this.secret.read();
      const owner = this.keys.named(claim.keyId).find(({ digest }) => isGenuine(token, digest, secret));
      if (owner !== undefined && isInTime(owner.key, now))
        found.push({ principal: owner.key.principal, claim });
    }
    return found;
  }
}
