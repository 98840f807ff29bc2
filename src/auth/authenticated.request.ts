import type { IncomingMessage } from 'node:http';
import type { Principal } from './principal.js';

/** A request that the guard has seen. */
export interface AuthenticatedRequest extends IncomingMessage {
  principal?: Principal;
  /** What let it in. */
  gate?: Gate;
}

/** Knows whether a request that it has let in would still be let in. */
export interface Gate {
  /** @throws ProblemError when the key is not valid any more, or may do less than it might then */
  requireEntry(request: AuthenticatedRequest): void;
  /** Calls back whenever keys have changed, until what is returned is called. */
  onChange(callback: () => void): () => void;
}

/** Who makes the request; it is a fault of the service to ask on a public route. */
export function principalOf(request: AuthenticatedRequest): Principal {
  if (!request.principal) throw new Error('The guard has let nobody in on this route');
  return request.principal;
}
