/**
 * What lmdb 3.5.6 says of a failed page write is formatted into 100 bytes that it has allocated, of which 104 are its
 * own. It prints two fields that it never set, so the text is often longer and overwrites what lies behind, unless
 * `mendWriteReport` has shortened it.
 */
const OWN_BYTES = 104;
const FORMATTED = /Attempting to write page at position .*$/;

/** Whether lmdb has damaged the memory of this process while it reported this error. */
export function hasDamagedHeap(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const text = cause instanceof Error ? (FORMATTED.exec(cause.message)?.[0] ?? '') : '';
  return Buffer.byteLength(text) + 1 > OWN_BYTES;
}
