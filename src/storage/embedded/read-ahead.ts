/** Sixteen pages. Pages of the store's tables alternate in the file, so this covers a few of the same table. */
const AHEAD_BYTES = 65_536;

/** Fills `bytes` from an offset of the file; returns the number of bytes read. */
type ReadBytes = (bytes: Buffer, from: number) => number;

/**
 * Reads pages of a file. When a page lies shortly after the previous one, a larger read fetches several pages at once.
 */
export class ReadAhead {
  /** The bytes of the file from `aheadFrom` up to `aheadEnd`. */
  private readonly ahead = Buffer.allocUnsafe(AHEAD_BYTES);
  private aheadFrom = 0;
  private aheadEnd = 0;
  /** Offset of the previous page. */
  private lastFrom = 0;

  constructor(private readonly readBytes: ReadBytes) {}

  /** Fills `bytes` from this offset; returns the number of bytes read. */
  read(bytes: Buffer, from: number): number {
    const isNear = from > this.lastFrom && from - this.lastFrom < AHEAD_BYTES;
    this.lastFrom = from;
    if (isNear && !this.isAhead(bytes, from)) {
      this.aheadFrom = from;
      this.aheadEnd = from + this.readBytes(this.ahead, from);
    }
    if (!this.isAhead(bytes, from)) return this.readBytes(bytes, from);
    return this.ahead.copy(bytes, 0, from - this.aheadFrom);
  }

  private isAhead(bytes: Buffer, from: number): boolean {
    return from >= this.aheadFrom && from + bytes.length <= this.aheadEnd;
  }
}
