import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Instant } from '../../task/clock.js';

/** Who signed in, and until when that counts. */
export interface SessionClaim {
  readonly keyId: string;
  readonly endsAt: Instant;
  /** Tells it from any other session of the key. */
  readonly nonce: string;
}

const FORMAT = /^([A-Za-z0-9][A-Za-z0-9._:-]{0,63})\|(\d{1,16})\|([A-Za-z0-9_-]{16})\|([A-Za-z0-9_-]{43})$/;

/**
 * What the cookie holds: the name of the key, the end, a number of its own, and a signature over these and the digest of the key. So it
 * does not hold the key, it cannot be made up, and it is worth nothing once the key is gone.
 */
export function sessionToken(claim: SessionClaim, keyDigest: string, secret: Buffer): string {
  return `${claim.keyId}|${claim.endsAt}|${claim.nonce}|${signature(claim, keyDigest, secret)}`;
}

/** What a token says of itself; nothing is proven yet. */
export function readClaim(token: string): SessionClaim | undefined {
  const [, keyId, endsAt, nonce] = FORMAT.exec(token) ?? [];
  return keyId === undefined || nonce === undefined ? undefined : { keyId, endsAt: Number(endsAt), nonce };
}

/** Whether the token was made for the key with this digest. */
export function isGenuine(token: string, keyDigest: string, secret: Buffer): boolean {
  const claim = readClaim(token);
  if (claim === undefined) return false;
  const given = Buffer.from(token);
  const wanted = Buffer.from(sessionToken(claim, keyDigest, secret));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function signature({ keyId, endsAt, nonce }: SessionClaim, keyDigest: string, secret: Buffer): string {
  return createHmac('sha256', secret).update(`${keyId}|${endsAt}|${nonce}|${keyDigest}`).digest('base64url');
}
