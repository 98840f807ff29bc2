import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Who asks these calls the service by an address of the pod or of the machine, or by a name of its own. */
const PROBES = ['/livez', '/readyz', '/health'];

/**
 * Whether the service may be called by the name in `Host`. A page of `evil.example` whose name suddenly leads to this
 * service (DNS rebinding) is of one origin with it for a browser, and only that name tells. A browser takes no page of a
 * stranger for one of an IP address, so those are let in, and so are the probes, which tell nothing.
 *
 * @param allowed names, with or without a port, in lower case; none: every name
 */
export function isAllowedHost({ headers, url = '' }: IncomingMessage, allowed: readonly string[]): boolean {
  if (allowed.length === 0 || PROBES.includes(url.split('?', 1)[0] ?? '')) return true;
  const host = headers.host?.toLowerCase() ?? '';
  const name = host.replace(/:\d{1,5}$/, '');
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || allowed.includes(host) || allowed.includes(name);
}
