import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { ApiKeys, digestOf, isInTime } from '../../auth/api-keys.js';
import { Authenticator } from '../../auth/authenticator.js';
import { ANYONE, type Principal } from '../../auth/principal.js';
import { after, Clock, isAhead, type Seconds } from '../../task/clock.js';
import { cookiesOf } from './session-cookie.js';
import { SessionSecret } from './session-secret.js';
import { isGenuine, readClaim, type SessionClaim, sessionToken } from './session-token.js';
import { SignOuts } from './sign-outs.js';

/** A working day. */
export const SESSION_LENGTH: Seconds = 12 * 3600;

interface Session {
  readonly principal: Principal;
  readonly claim: SessionClaim;
}

/** The sessions of the dashboard. */
@Injectable()
export class Sessions {
  constructor(
    private readonly keys: ApiKeys,
    private readonly authenticator: Authenticator,
    private readonly secret: SessionSecret,
    private readonly signOuts: SignOuts,
    private readonly clock: Clock,
  ) {}

  /** Whether no key is configured, so that the dashboard needs no sign-in. */
  get isOpen(): boolean {
    return this.keys.isOpen;
  }

  /**
   * Creates a session; returns its token.
   *
   * @throws ProblemError as for any other request with this key
   */
  async begin(request: IncomingMessage, key: string): Promise<string> {
    // The key ring compares header bytes, which Node reads as one character each.
    const text = Buffer.from(key, 'utf8').toString('latin1');
    const { keyId } = this.authenticator.authenticateKey(request, text);
    const endsAt = Math.floor(after(this.clock.now().wall, SESSION_LENGTH));
    const nonce = randomBytes(12).toString('base64url');
    return sessionToken({ keyId, endsAt, nonce }, digestOf(text), await this.secret.read());
  }

  /** The principal of the request; `undefined` without a session, or when its key is no longer valid. */
  async principalOf(request: IncomingMessage): Promise<Principal | undefined> {
    if (this.keys.isOpen) return ANYONE;
    for (const { principal, claim } of await this.sessionsOf(request)) {
      if (!(await this.signOuts.has(claim))) return principal;
    }
    return undefined;
  }

  /**
   * Ends every session that the request carries, permanently and on all replicas.
   *
   * @throws StoreUnavailable when the store cannot record it
   */
  async end(request: IncomingMessage): Promise<void> {
    for (const { claim } of await this.sessionsOf(request)) await this.signOuts.add(claim);
  }

  /** The genuine sessions before their end, signed out or not. */
  private async sessionsOf(request: IncomingMessage): Promise<readonly Session[]> {
    const now = this.clock.now().wall;
    const found: Session[] = [];
    for (const token of cookiesOf(request)) {
      const claim = readClaim(token);
      if (claim === undefined || claim.endsAt <= now) continue;
      // A clock that ran ahead issued it, so it would outlast the maximum session length.
      if (isAhead(claim.endsAt, after(now, SESSION_LENGTH))) continue;
      const secret = await this.secret.read();
      const owner = this.keys.named(claim.keyId).find(({ digest }) => isGenuine(token, digest, secret));
      if (owner !== undefined && isInTime(owner.key, now))
        found.push({ principal: owner.key.principal, claim });
    }
    return found;
  }
}
