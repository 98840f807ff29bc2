/** A power of two. */
const SLOTS = 1_024;

/** Longer names are not cached, so the cache stays below 200 KiB. */
const LONGEST = 128;

/**
 * Decodes names that repeat from record to record. A name that is in its slot costs a comparison of its bytes, a third
 * of a decoding. Equal names are the same string, whose hash is known to every `Map`.
 */
export class NameCache {
  private readonly names: (string | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);

  /** The UTF-8 text between two offsets. */
  read(bytes: Buffer, from: number, end: number): string {
    const length = end - from;
    if (length === 0) return '';
    if (length > LONGEST) return bytes.toString('utf8', from, end);
    const slot = slotOf(bytes, from, end);
    const known = this.names[slot];
    if (known?.length === length && isAt(known, bytes, from)) return known;
    const name = bytes.toString('utf8', from, end);
    this.names[slot] = name;
    return name;
  }
}

/** Whether an ASCII name is at this offset. Another name is not recognized. */
function isAt(name: string, bytes: Buffer, from: number): boolean {
  for (let index = 0; index < name.length; index += 1) {
    const byte = bytes[from + index] ?? 0;
    if (byte > 127 || byte !== name.charCodeAt(index)) return false;
  }
  return true;
}

function slotOf(bytes: Buffer, from: number, end: number): number {
  let hash = 0;
  for (let at = from; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  return hash & (SLOTS - 1);
}
