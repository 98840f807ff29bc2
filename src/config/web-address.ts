/** `URL` would take these, and leave out or encode what it does not like. */
const UNPRINTABLE = /[\s\p{Cc}\p{Cs}]/u;

/**
 * Whether a webhook may be sent there, as far as the text tells: `http` or `https`, without user and password, and
 * without blanks and control characters.
 */
export function isWebAddress(value: unknown): boolean {
  if (typeof value !== 'string' || UNPRINTABLE.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

/** What may be shown of an address: its query may hold a secret. */
export function withoutQuery(address: string): string {
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname}`;
}
