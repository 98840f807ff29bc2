/** Sixteen pages: the tables of the store take turns in the file, so a few of them are of the same one. */
const AHEAD_BYTES = 65_536;

/** Fills `bytes` from this place of a file; answers how many there were. */
type ReadBytes = (bytes: Buffer, from: number) => number;

/** Reads pages of a file. Most come soon after the one before: then as much is read as holds several of them. */
export class ReadAhead {
  /** The bytes of the file from `aheadFrom` up to `aheadEnd`. */
  private readonly ahead = Buffer.allocUnsafe(AHEAD_BYTES);
  private aheadFrom = 0;
  private aheadEnd = 0;
  /** Where the page before began. */
  private lastFrom = 0;

  constructor(private readonly readBytes: ReadBytes) {}

  /** Fills `bytes` from this place; answers how many there were. */
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
