import type { IncomingMessage } from 'node:http';
import type { Principal } from './principal.js';

/** A request that the guard has seen. */
export interface AuthenticatedRequest extends IncomingMessage {
  principal?: Principal;
}

/** Who makes the request; it is a fault of the service to ask on a public route. */
export function principalOf(request: AuthenticatedRequest): Principal {
  if (!request.principal) throw new Error('The guard has let nobody in on this route');
  return request.principal;
}
