import { Page } from './lmdb-page.js';

/** Maximum size of a read: it fits into the cache of a core. Reads of 256 KiB took four times as long in all. */
const READ_BYTES = 131_072;

/** Unwanted bytes between two pages that one read includes. */
const GAP_BYTES = 32_768;

/** Fills `bytes` from an offset of the file. @throws when the file ends before */
type ReadBytes = (bytes: Buffer, from: number) => void;

/** Pages to visit, each with a tag of the caller. Both are below 2^32. */
export class PageList {
  /** Per entry the tag, then the page: together a little-endian number that sorts by page. */
  private words: Uint32Array = new Uint32Array(32);
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(page: number, tag: number): void {
    const at = this.count * 2;
    if (at === this.words.length) {
      const words = new Uint32Array(at * 2);
      words.set(this.words);
      this.words = words;
    }
    this.words[at] = tag;
    this.words[at + 1] = page;
    this.count += 1;
  }

  sort(): void {
    new BigUint64Array(this.words.buffer, 0, this.count).sort();
  }

  page(index: number): number {
    return this.words[index * 2 + 1] ?? 0;
  }

  tag(index: number): number {
    return this.words[index * 2] ?? 0;
  }
}

/**
 * Visits pages in their order in the file. The pages of all tables alternate there, so following one tree would read the
 * file once for each table; this reads it once. Pages near each other come from the disk in one read.
 */
export class PageVisits {
  private readonly buffer = Buffer.allocUnsafe(READ_BYTES);

  constructor(
    private readonly pageBytes: number,
    private readonly read: ReadBytes,
  ) {}

  /** @param visit gets each page, valid until the next one, and its tag */
  visit(pages: PageList, visit: (page: Page, tag: number) => void): void {
    pages.sort();
    const page = new Page(this.buffer);
    for (let start = 0, end = 0; start < pages.size; start = end) {
      end = this.endOfRead(pages, start);
      const first = pages.page(start);
      const bytes = (pages.page(end - 1) + 1 - first) * this.pageBytes;
      this.read(this.buffer.subarray(0, bytes), first * this.pageBytes);
      for (let index = start; index < end; index += 1) {
        page.number = pages.page(index);
        page.from = (page.number - first) * this.pageBytes;
        visit(page, pages.tag(index));
      }
    }
  }

  /** Index of the first page that the read from `start` leaves out. */
  private endOfRead(pages: PageList, start: number): number {
    const most = pages.page(start) + READ_BYTES / this.pageBytes;
    const gap = GAP_BYTES / this.pageBytes;
    let end = start + 1;
    while (end < pages.size && pages.page(end) < most && pages.page(end) - pages.page(end - 1) <= gap)
      end += 1;
    return end;
  }
}
