/** Bytes in UTF-8, the limit of most file systems. */
export const LONGEST_NAME_BYTES = 255;

/** Control characters, line separators, and characters that change the direction of text and can disguise a name. */
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/**
 * The name of an artifact in Unicode normalization form C, or what is wrong with it. A name works as a file name, so
 * that clients can save artifacts under their names. The service does not use it as one.
 */
export function readName(text: string): { readonly name: string } | { readonly fault: string } {
  const name = text.normalize('NFC');
  if (name === '' || Buffer.byteLength(name) > LONGEST_NAME_BYTES) {
    return { fault: `The name must have 1 to ${LONGEST_NAME_BYTES} bytes in UTF-8` };
  }
  if (/[/\\]/.test(name)) return { fault: 'The name must not contain / or \\; artifacts have no folders' };
  if (name === '.' || name === '..') return { fault: 'The name must not be . or ..' };
  if (INVISIBLE.test(name)) {
    return { fault: 'The name must not contain control characters or marks of text direction' };
  }
  return { name };
}
