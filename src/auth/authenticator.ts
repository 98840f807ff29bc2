import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.error.js';
import { Clock } from '../task/clock.js';
import { ApiKeys, isInTime } from './api-keys.js';
import type { ApiKey } from './api-keys.js';
import { FailureLimit } from './failure-limit.js';
import { FailureLog } from './failure-log.js';
import { bareLease, isLeaseId } from './lease-credential.js';
import { LeaseIds } from './lease-ids.js';
import { presentedKey } from './presented-key.js';
import { ANYONE } from './principal.js';
import type { Principal } from './principal.js';

interface Refusal {
  readonly detail: string;
  /** Whether the caller sent a credential. Only these refusals count towards the limit. */
  readonly isAttempt: boolean;
  readonly keyId?: string;
}

const NO_KEY: Refusal = {
  detail: 'Send an API key in X-API-Key, or as Authorization: Bearer',
  isAttempt: false,
};
const WRONG_KEY: Refusal = { detail: 'The API key is not valid', isAttempt: true };
const WRONG_LEASE: Refusal = { detail: 'X-Lease-Id is not a lease id of this service', isAttempt: true };

/** Identifies the caller of a request from its headers, synchronously. */
@Injectable()
export class Authenticator {
  private readonly limit: FailureLimit;
  private readonly log: FailureLog;

  constructor(
    private readonly keys: ApiKeys,
    private readonly leaseIds: LeaseIds,
    private readonly clock: Clock,
    config: Config,
  ) {
    this.limit = new FailureLimit(config.AUTH_FAILURES_PER_MINUTE, clock);
    this.log = new FailureLog(clock);
  }

  /**
   * Resolves when `authenticate` can run; `undefined`, the usual case, if it can run at once.
   * @throws StoreUnavailable when the lease secret has never been read
   */
  prepare({ headers }: IncomingMessage, takesLease: boolean): Promise<void> | undefined {
    return takesLease && headers['x-lease-id'] !== undefined ? this.leaseIds.whenReady() : undefined;
  }

  /**
   * Identifies the caller. With `takesLease`, a lease in `X-Lease-Id` replaces a key or accompanies it. A forged lease
   * without a key is refused like a wrong key.
   * @throws ProblemError `unauthorized`, or `rate_limited` after too many wrong keys from the address
   */
  authenticate(request: IncomingMessage, takesLease: boolean): Principal {
    const leaseId = takesLease ? request.headers['x-lease-id'] : undefined;
    const principal = this.owner(request, leaseId !== undefined);
    if (leaseId === undefined) return principal ?? this.refuse(request, NO_KEY);
    // Node joins repeated headers with a comma, which is not valid in a lease id.
    if (typeof leaseId !== 'string' || !isLeaseId(leaseId)) return this.refuse(request, WRONG_LEASE);
    if (principal) return { ...principal, leaseId };
    return this.leaseIds.isGenuine(leaseId) ? bareLease(leaseId) : this.refuse(request, WRONG_LEASE);
  }

  /**
   * Identifies the owner of a key, wherever in the request it was.
   * @throws ProblemError as `authenticate`
   */
  authenticateKey(request: IncomingMessage, text: string): Principal {
    const key = this.keys.find(text);
    if (!key) return this.refuse(request, WRONG_KEY);
    const isTimed = key.notBefore !== undefined || key.expires !== undefined;
    if (isTimed && !isInTime(key, this.clock.now().wall)) return this.refuse(request, outsideValidity(key));
    return key.principal;
  }

  /**
   * Identifies the caller of an admitted request again, with the current keys; `undefined` if the key is no longer
   * valid. It is no new attempt, so it is neither counted nor logged.
   */
  again(request: IncomingMessage): Principal | undefined {
    if (this.keys.isOpen) return ANYONE;
    const key = this.keys.find(presentedKey(request) ?? '');
    return key !== undefined && isInTime(key, this.clock.now().wall) ? key.principal : undefined;
  }

  /** Calls back after the keys have changed. The returned function unsubscribes. */
  onChange(callback: () => void): () => void {
    return this.keys.onChange(callback);
  }

  /** Logs that an authenticated caller lacked a permission. */
  reportForbidden(request: IncomingMessage, principal: Principal): void {
    this.log.write(`Forbidden: the key ${principal.keyId} from ${addressOf(request)} lacks permission`);
  }

  /** The principal of the key in the request; `undefined` if it has no key. */
  private owner(request: IncomingMessage, hasLease: boolean): Principal | undefined {
    if (this.keys.isOpen) return hasLease ? undefined : ANYONE;
    const text = presentedKey(request);
    if (text === undefined) return undefined;
    return this.authenticateKey(request, text);
  }

  private refuse(request: IncomingMessage, refusal: Refusal): never {
    const address = addressOf(request);
    const seconds = this.limit.secondsToWait(address);
    const by = refusal.keyId === undefined ? address : `${address} with the key ${refusal.keyId}`;
    this.log.write(`Refused ${by}: ${seconds > 0 ? 'too many wrong keys or lease ids' : refusal.detail}`);
    if (seconds > 0) throw tooManyFailures(seconds);
    if (refusal.isAttempt) this.limit.count(address);
    throw new ProblemError('unauthorized', refusal.detail, { headers: { 'WWW-Authenticate': 'Bearer' } });
  }
}

function outsideValidity({ principal: { keyId } }: ApiKey): Refusal {
  // The caller has the key, so the key id reveals nothing.
  return { detail: `The API key ${keyId} is not valid at this time`, isAttempt: true, keyId };
}

function tooManyFailures(seconds: number): ProblemError {
  const detail = `Too many wrong keys or lease ids came from this address; a valid one works, else try again in ${seconds} s`;
  return new ProblemError('rate_limited', detail, { headers: { 'Retry-After': String(seconds) } });
}

/** The address of the socket: a client can forge the headers. */
function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'an unknown address';
}
