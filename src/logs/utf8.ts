/** How many bytes a character with this first byte has; 1 for a byte that begins none. */
function lengthFrom(first: number): number {
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 1;
}

/** The length of the bytes without an unfinished character at their end. */
export function wholeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const at = bytes.length - back;
    const byte = bytes[at] ?? 0;
    if ((byte & 0xc0) !== 0x80) return lengthFrom(byte) > back ? at : bytes.length;
  }
  return bytes.length;
}
