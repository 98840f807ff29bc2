/**
 * Size of the buffer into which lmdb 3.5.6 formats a failed page write. lmdb asks for 100 bytes and gets 104. The
 * format prints two fields that lmdb never set, so the text often overruns the buffer and damages the heap.
 * `mendWriteReport` shortens the text.
 */
const OWN_BYTES = 104;
const FORMATTED = /Attempting to write page at position .*$/;

/** Whether lmdb damaged this process's heap while it reported the error. */
export function hasDamagedHeap(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const text = cause instanceof Error ? (FORMATTED.exec(cause.message)?.[0] ?? '') : '';
  return Buffer.byteLength(text) + 1 > OWN_BYTES;
}
