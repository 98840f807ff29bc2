import type { IncomingMessage } from 'node:http';
import type { Principal } from './principal.js';

/** A request that the guard has checked. */
export interface AuthenticatedRequest extends IncomingMessage {
  principal?: Principal;
  /** The guard that admitted the request. */
  gate?: Gate;
}

/** Checks whether an admitted request would still be admitted. */
export interface Gate {
  /** @throws ProblemError when the key is no longer valid or has lost permissions since the request began */
  requireEntry(request: AuthenticatedRequest): void;
  /** Calls back after the keys have changed. The returned function unsubscribes. */
  onChange(callback: () => void): () => void;
}

/** The caller of the request. Throws on a public route, which has no principal. */
export function principalOf(request: AuthenticatedRequest): Principal {
  if (!request.principal) throw new Error('This route has no principal: it is public');
  return request.principal;
}
