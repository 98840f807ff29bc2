import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Instant } from '../../task/clock.js';

/** The key that signed in, and the end of the session. */
export interface SessionClaim {
  readonly keyId: string;
  readonly endsAt: Instant;
  /** Distinguishes sessions of the same key. */
  readonly nonce: string;
}

const FORMAT = /^([A-Za-z0-9][A-Za-z0-9._:-]{0,63})\|(\d{1,16})\|([A-Za-z0-9_-]{16})\|([A-Za-z0-9_-]{43})$/;

/**
 * The content of the cookie: the key's name, the end, a nonce, and a signature over these and the key's digest. It does
 * not contain the key, cannot be forged, and is invalid once the key is removed.
 */
export function sessionToken(claim: SessionClaim, keyDigest: string, secret: Buffer): string {
  return `${claim.keyId}|${claim.endsAt}|${claim.nonce}|${signature(claim, keyDigest, secret)}`;
}

/** The unverified content of a token. */
export function readClaim(token: string): SessionClaim | undefined {
  const [, keyId, endsAt, nonce] = FORMAT.exec(token) ?? [];
  return keyId === undefined || nonce === undefined ? undefined : { keyId, endsAt: Number(endsAt), nonce };
}

/** Whether the token was issued for the key with this digest. */
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
