const FIRST_CAPACITY = 4096;

/**
 * Collects bytes in chunks. It uses at most twice the memory of the bytes for any chunk size, and does not copy a body
 * that arrives in one chunk.
 */
export class GrowingBuffer {
  private first: Buffer | undefined;
  private copied = Buffer.alloc(0);
  private size = 0;

  get length(): number {
    return this.size;
  }

  /** Allocated bytes. */
  get capacity(): number {
    return this.first?.length ?? this.copied.length;
  }

  append(piece: Buffer): void {
    if (this.size === 0) {
      this.first = piece;
    } else {
      if (this.first !== undefined) this.put(this.first, 0);
      this.first = undefined;
      this.put(piece, this.size);
    }
    this.size += piece.length;
  }

  /** All bytes in order. Do not append afterwards. */
  take(): Buffer {
    return this.first ?? this.copied.subarray(0, this.size);
  }

  private put(piece: Buffer, at: number): void {
    const needed = at + piece.length;
    if (needed > this.copied.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.copied.length * 2, FIRST_CAPACITY));
      this.copied.copy(larger, 0, 0, at);
      this.copied = larger;
    }
    piece.copy(this.copied, at);
  }
}
