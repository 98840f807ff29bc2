import type { IncomingMessage } from 'node:http';

/**
 * Whether a browser sends this for a page of another site, or of another origin of the same site. Browsers say so in
 * `Sec-Fetch-Site` on https and on this machine, and in `Origin` everywhere, with every request that is not a GET. A GET
 * over plain http has only `Referer`, unless the page withholds it. Other programs send none of the three.
 */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  // `none`: a person typed the address, or chose a bookmark.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin = originOf(headers.referer), host } = headers;
  return origin !== undefined && !isOwn(origin, host);
}

/** Of the page that `Referer` names; no browser sends one that is not an address. */
function originOf(referer: string | undefined): string | undefined {
  return referer !== undefined && URL.canParse(referer) ? new URL(referer).origin : undefined;
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
