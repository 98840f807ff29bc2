import type { IncomingMessage } from 'node:http';

/**
 * Whether a page of this service sent the request. Browsers send `Sec-Fetch-Site` over https and to localhost, and
 * `Origin` with every request other than GET. A request without both headers does not come from a current browser.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  if (origin === undefined || host === undefined) return false;
  return origin === `http://${host}` || origin === `https://${host}`;
}
