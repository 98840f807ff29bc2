import type { IncomingMessage } from 'node:http';

/**
 * Whether a page of this very service sent the request. Browsers say so in `Sec-Fetch-Site` on https and on this
 * machine, and in `Origin` everywhere, with every request that is not a GET. Who says nothing is no browser of today.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  if (origin === undefined || host === undefined) return false;
  return origin === `http://${host}` || origin === `https://${host}`;
}
