import type { IncomingMessage } from 'node:http';

/**
 * Whether a browser sent this request for a page of another origin. Browsers set `Sec-Fetch-Site` on https and
 * localhost, and `Origin` on every request other than GET. A GET over plain http has only `Referer`, unless the page
 * withholds it. Other programs send none of the three.
 */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  // `none`: the user typed the URL or opened a bookmark.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin = originOf(headers.referer), host } = headers;
  return origin !== undefined && !isOwn(origin, host);
}

/** The origin in `Referer`; browsers only send valid URLs. */
function originOf(referer: string | undefined): string | undefined {
  return referer !== undefined && URL.canParse(referer) ? new URL(referer).origin : undefined;
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
