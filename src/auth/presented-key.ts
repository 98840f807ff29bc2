import type { IncomingMessage } from 'node:http';

/** Stands for what cannot be a key. The key ring holds no empty key. */
const NO_SUCH_KEY = '';

/**
 * The key that came in `X-API-Key` or as `Authorization: Bearer`, and `undefined` when there is none. Two that differ
 * are no key at all, and neither is a header that was sent twice. Other schemes of `Authorization` are not ours: a
 * proxy in front may use them.
 */
export function presentedKey(request: IncomingMessage): string | undefined {
  const header = request.headers['x-api-key'];
  const bearer = bearerToken(request);
  if (header === undefined) return bearer;
  // Node joins a repeated X-API-Key with a comma and a blank, which no key has.
  if (typeof header !== 'string') return NO_SUCH_KEY;
  return bearer === undefined || bearer === header ? header : NO_SUCH_KEY;
}

function bearerToken(request: IncomingMessage): string | undefined {
  const value = request.headers.authorization;
  if (value === undefined) return undefined;
  // Node keeps the first of several Authorization headers and says nothing of the others.
  if (isRepeated(request, 'authorization')) return NO_SUCH_KEY;
  const token = /^Bearer(?: +(.*))?$/i.exec(value);
  return token ? (token[1] ?? NO_SUCH_KEY) : undefined;
}

function isRepeated({ rawHeaders }: IncomingMessage, name: string): boolean {
  const names = rawHeaders.filter((header, index) => index % 2 === 0 && header.length === name.length);
  return names.filter((header) => header.toLowerCase() === name).length > 1;
}
