import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { ApiKeys, digestOf, isInTime } from '../../auth/api-keys.js';
import { Authenticator } from '../../auth/authenticator.js';
import { ANYONE, type Principal } from '../../auth/principal.js';
import { after, Clock, type Seconds } from '../../task/clock.js';
import { cookieOf } from './session.cookie.js';
import { SessionSecret } from './session.secret.js';
import { isGenuine, readClaim, sessionToken } from './session.token.js';

/** A working day. */
export const SESSION_LENGTH: Seconds = 12 * 3600;

/** Who is signed in to the dashboard. */
@Injectable()
export class Sessions {
  constructor(
    private readonly keys: ApiKeys,
    private readonly authenticator: Authenticator,
    private readonly secret: SessionSecret,
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
    return sessionToken({ keyId, endsAt }, digestOf(text), await this.secret.read());
  }

  /** Who makes the request; `undefined` when nobody is signed in, or the key is no longer valid. */
  async principalOf(request: IncomingMessage): Promise<Principal | undefined> {
    if (this.keys.isOpen) return ANYONE;
    const token = cookieOf(request);
    const claim = token === undefined ? undefined : readClaim(token);
    const now = this.clock.now().wall;
    if (token === undefined || claim === undefined || claim.endsAt <= now) return undefined;
    const secret = await this.secret.read();
    const owner = this.keys.named(claim.keyId).find(({ digest }) => isGenuine(token, digest, secret));
    return owner !== undefined && isInTime(owner.key, now) ? owner.key.principal : undefined;
  }
}
