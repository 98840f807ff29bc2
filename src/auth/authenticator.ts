import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.error.js';
import { Clock } from '../task/clock.js';
import { ApiKeys, isInTime } from './api-keys.js';
import type { ApiKey } from './api-keys.js';
import { FailureLimit } from './failure-limit.js';
import { FailureLog } from './failure.log.js';
import { bareLease, isLeaseId } from './lease.credential.js';
import { LeaseIds } from './lease-ids.js';
import { presentedKey } from './presented-key.js';
import { ANYONE } from './principal.js';
import type { Principal } from './principal.js';

interface Refusal {
  readonly detail: string;
  /** Whether something was tried, as opposed to nothing being sent: only that counts towards the limit. */
  readonly isAttempt: boolean;
  readonly keyId?: string;
}

const NO_KEY: Refusal = {
  detail: 'Send an API key in X-API-Key, or as Authorization: Bearer',
  isAttempt: false,
};
const WRONG_KEY: Refusal = { detail: 'The API key is not valid', isAttempt: true };
const WRONG_LEASE: Refusal = { detail: 'X-Lease-Id is not a lease id of this service', isAttempt: true };

/** Finds out who makes a request, without waiting for anything, from nothing but its headers. */
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
   * What must be awaited before `authenticate`; `undefined`, as nearly always, for nothing.
   * @throws StoreUnavailable when the secret of the leases has never been read
   */
  prepare({ headers }: IncomingMessage, takesLease: boolean): Promise<void> | undefined {
    return takesLease && headers['x-lease-id'] !== undefined ? this.leaseIds.whenReady() : undefined;
  }

  /**
   * Who makes the request. With `takesLease`, a lease in `X-Lease-Id` will do without a key, and is kept beside one.
   * Without a key, a lease that this service never gave out is refused like a wrong key.
   * @throws ProblemError `unauthorized`; `rate_limited` instead when too many wrong keys came from the address
   */
  authenticate(request: IncomingMessage, takesLease: boolean): Principal {
    const leaseId = takesLease ? request.headers['x-lease-id'] : undefined;
    const principal = this.owner(request, leaseId !== undefined);
    if (leaseId === undefined) return principal ?? this.refuse(request, NO_KEY);
    // A repeated header comes joined with a comma and fails here.
    if (typeof leaseId !== 'string' || !isLeaseId(leaseId)) return this.refuse(request, WRONG_LEASE);
    if (principal) return { ...principal, leaseId };
    return this.leaseIds.isGenuine(leaseId) ? bareLease(leaseId) : this.refuse(request, WRONG_LEASE);
  }

  /**
   * Whose key this is, wherever in the request it was.
   * @throws ProblemError as `authenticate`
   */
  authenticateKey(request: IncomingMessage, text: string): Principal {
    const key = this.keys.find(text);
    if (!key) return this.refuse(request, WRONG_KEY);
    const isTimed = key.notBefore !== undefined || key.expires !== undefined;
    if (isTimed && !isInTime(key, this.clock.now().wall)) return this.refuse(request, outOfTime(key));
    return key.principal;
  }

  /**
   * Who makes a request that was let in before, as things are now; `undefined` when nobody does any more. It tells of no
   * attempt at a key, so it neither counts nor is logged.
   */
  again(request: IncomingMessage): Principal | undefined {
    if (this.keys.isOpen) return ANYONE;
    const key = this.keys.find(presentedKey(request) ?? '');
    return key !== undefined && isInTime(key, this.clock.now().wall) ? key.principal : undefined;
  }

  /** Calls back whenever keys have changed, until what is returned is called. */
  onChange(callback: () => void): () => void {
    return this.keys.onChange(callback);
  }

  /** Reports that a known caller was turned away. */
  reportForbidden(request: IncomingMessage, principal: Principal): void {
    this.log.write(`The key ${principal.keyId} from ${addressOf(request)} may not do what it asked for`);
  }

  /** Whose key came with the request; `undefined` when none came. */
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

function outOfTime({ principal: { keyId } }: ApiKey): Refusal {
  // Whoever sees this has the key, so its name is no news.
  return { detail: `The API key ${keyId} is not valid at this time`, isAttempt: true, keyId };
}

function tooManyFailures(seconds: number): ProblemError {
  const detail = `Too many wrong keys or lease ids came from this address; a valid one works, else try again in ${seconds} s`;
  return new ProblemError('rate_limited', detail, { headers: { 'Retry-After': String(seconds) } });
}

/** As the socket has it: what a header says of the client can be made up. */
function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'an unknown address';
}
