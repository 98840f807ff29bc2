import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Probes call these paths by the address or an internal name of the pod or machine. */
const PROBES = ['/livez', '/readyz', '/health'];

/**
 * Whether the name in `Host` is allowed. With DNS rebinding, a page of `evil.example` resolves its own name to this
 * service. The browser then treats both as one origin, and only `Host` reveals it. IP addresses cannot be rebound, so
 * they are allowed. Health checks are allowed because they reveal nothing.
 *
 * @param allowed names in lower case, with or without a port; empty allows every name
 */
export function isAllowedHost({ headers, url = '' }: IncomingMessage, allowed: readonly string[]): boolean {
  if (allowed.length === 0 || PROBES.includes(url.split('?', 1)[0] ?? '')) return true;
  const host = headers.host?.toLowerCase() ?? '';
  const name = host.replace(/:\d{1,5}$/, '');
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || allowed.includes(host) || allowed.includes(name);
}
