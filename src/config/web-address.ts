/** Characters that `URL` would silently drop or encode. */
const UNPRINTABLE = /[\s\p{Cc}\p{Cs}]/u;

/**
 * Whether the text is a possible webhook URL: `http` or `https`, without user, password, whitespace and control
 * characters.
 */
export function isWebAddress(value: unknown): boolean {
  if (typeof value !== 'string' || UNPRINTABLE.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

/** The URL without its query, which may contain a secret. */
export function withoutQuery(address: string): string {
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname}`;
}
