import type { IncomingMessage } from 'node:http';

/** Replaces a malformed key. The key ring contains no empty key. */
const NO_SUCH_KEY = '';

/**
 * The key in `X-API-Key` or `Authorization: Bearer`; `undefined` if neither is present. Two different keys, or a
 * repeated header, count as a wrong key. Other `Authorization` schemes are ignored: a proxy may use them.
 */
export function presentedKey(request: IncomingMessage): string | undefined {
  const header = request.headers['x-api-key'];
  const bearer = bearerToken(request);
  if (header === undefined) return bearer;
  // Node joins a repeated X-API-Key with a comma and a space; keys contain neither.
  if (typeof header !== 'string') return NO_SUCH_KEY;
  return bearer === undefined || bearer === header ? header : NO_SUCH_KEY;
}

function bearerToken(request: IncomingMessage): string | undefined {
  const value = request.headers.authorization;
  if (value === undefined) return undefined;
  // Node silently drops all but the first Authorization header.
  if (isRepeated(request, 'authorization')) return NO_SUCH_KEY;
  const token = /^Bearer(?: +(.*))?$/i.exec(value);
  return token ? (token[1] ?? NO_SUCH_KEY) : undefined;
}

function isRepeated({ rawHeaders }: IncomingMessage, name: string): boolean {
  const names = rawHeaders.filter((header, index) => index % 2 === 0 && header.length === name.length);
  return names.filter((header) => header.toLowerCase() === name).length > 1;
}
