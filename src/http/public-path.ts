import type { IncomingMessage } from 'node:http';

export interface PublicPathOptions {
  /** The path under which a proxy publishes the service, such as `/queue`; empty for none. */
  readonly basePath: string;
  /** Whether `X-Forwarded-Prefix` comes from a proxy and not from any client. */
  readonly trustsProxy: boolean;
}

/** One or more segments. No `//`, which would be the address of another host, and no `.` and `..`. */
const PREFIX = /^(?=.{2,200}$)(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/;

/** Requests that arrived under a prefix. */
const prefixes = new WeakMap<IncomingMessage, string>();

/**
 * Removes `BASE_PATH` from the URL of a request, so that everything behind it sees the paths of the API, and records the
 * prefix for the addresses of the answer. Call it before anything reads the URL.
 */
export function enterUnderPrefix(request: IncomingMessage, options: PublicPathOptions): void {
  const { basePath, trustsProxy } = options;
  if (basePath === '' && !trustsProxy) return;
  const inner = basePath === '' ? undefined : withoutPrefix(request.url ?? '', basePath);
  if (inner !== undefined) request.url = inner;
  const forwarded = trustsProxy ? prefixOf(request.headers['x-forwarded-prefix']) : undefined;
  // A proxy names the prefix that it removed. If the URL still has BASE_PATH, that follows the removed prefix.
  const prefix = forwarded === undefined ? basePath : forwarded + (inner === undefined ? '' : basePath);
  if (prefix !== '') prefixes.set(request, prefix);
}

/** The path by which the client of this request reaches a path of the service. */
export function publicPath(request: IncomingMessage, path: string): string {
  return prefixOfRequest(request) + path;
}

/** The prefix of all paths in the answer to this request; usually empty. */
export function prefixOfRequest(request: IncomingMessage): string {
  return prefixes.get(request) ?? '';
}

/** Every attribute in which the pages have addresses. Values in templates are escaped, so `="` begins an attribute. */
const ADDRESS = / (href|src|action|formaction|spec-url|data-suggest|hx-sse:connect)="\/(?!\/)/g;

/** The same page with the prefix before each address of this service. */
export function publicPage(request: IncomingMessage, text: string): string {
  const prefix = prefixOfRequest(request);
  return prefix === '' ? text : text.replace(ADDRESS, ` $1="${prefix}/`);
}

/** `undefined` when the path is not below the prefix. */
function withoutPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : undefined;
}

/** The prefix in the header; a final slash does not matter, and anything that is not a plain path is ignored. */
function prefixOf(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.replace(/\/$/, '');
  return text === '' || PREFIX.test(text) ? text : undefined;
}
