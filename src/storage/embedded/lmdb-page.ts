/*
 * An LMDB file of data version 2, as lmdb-js writes it. Everything is in the byte order of the machine (little endian
 * wherever Node runs). The names below ending in AT are offsets in bytes.
 *
 * A page is a header, the offsets of its nodes in the order of their keys, free space, and the nodes, which fill the
 * end of the page. Offsets within a page are counted from the end of the header. A node is its header, its key and, in
 * a leaf, its value. A large value lies in a run of pages of which only the first has a header.
 */
export const PAGE_NUMBER_AT = 0;
export const PAGE_TRANSACTION_AT = 8;
export const PAGE_KIND_AT = 18;
export const PAGE_OFFSETS_END_AT = 20;
export const PAGE_NODES_AT = 22;
/** In the first page of a run, in place of the two fields above. */
export const PAGE_RUN_LENGTH_AT = 20;
export const PAGE_HEADER_BYTES = 24;
export const BRANCH = 0x01;
export const LEAF = 0x02;
export const OVERFLOW = 0x04;
export const META = 0x08;

/** Size of the value in a leaf. In a branch: the number of the child, whose upper bits are in NODE_KIND_AT. */
export const NODE_SIZE_AT = 0;
export const NODE_KIND_AT = 4;
const NODE_KEY_BYTES_AT = 6;
export const NODE_HEADER_BYTES = 8;
export const VALUE_HERE = 0;
export const VALUE_IN_RUN = 1;
export const VALUE_IS_TREE = 2;

export const OFFSET_BYTES = 2;
export const NUMERIC_KEY_BYTES = 8;

/** Contents of a node whose value is in a run of pages. */
export const RUN_FIRST_PAGE_AT = 0;
export const RUN_LENGTH_AT = 16;
const RUN_REFERENCE_BYTES = 24;

export const TREE_FLAGS_AT = 4;
export const TREE_DEPTH_AT = 6;
export const TREE_ENTRIES_AT = 32;
export const TREE_ROOT_AT = 40;
export const TREE_BYTES = 48;
/** Flags that change how a tree is read. */
export const TREE_FLAGS = 0x17e;
export const INTEGER_KEYS = 0x08;
/** All bits set, rounded like the other 64-bit numbers. */
export const NO_PAGE = 2 ** 64;
/** lmdb does not walk trees with more levels. */
export const MAX_DEPTH = 32;

/**
 * The free list is keyed by the transaction that freed the pages. A value is a list of words: its length, then page
 * numbers. −n before a page number means the n pages from that number; 0 means nothing.
 */
export const WORD_BYTES = 8;

/** Pages 0 and 1: each commit writes the older of the two. */
export const META_MAGIC_AT = 24;
export const META_VERSION_AT = 28;
export const META_PAGE_BYTES_AT = 48;
export const META_FREE_LIST_AT = 48;
export const META_TABLES_AT = 96;
export const META_LAST_PAGE_AT = 144;
export const META_TRANSACTION_AT = 152;
export const META_BYTES = 168;
export const META_PAGES = 2;
export const MAGIC = 0xbeefc0de;
export const DATA_VERSION = 2;
export const PAGE_BYTES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

/** A tree of pages, and what the walk has found of it. */
export interface Tree {
  readonly kind: 'free list' | 'list of tables' | 'table';
  /** Empty unless it is a table. */
  readonly name: string;
  readonly root: number;
  readonly depth: number;
  readonly entries: number;
  /** Copy-on-write copies a page together with the pages that lead to it, so no page is younger than its parents. */
  readonly youngest: number;
  /** Entries met so far. */
  found: number;
}

/** Size of a number that ends a key of two parts. */
const PAIR_NUMBER_BYTES = 9;
const DOUBLE = new DataView(new ArrayBuffer(8));

/** A page, or its checked part, within a buffer that may hold several pages. */
export class Page {
  number = 0;
  /** Offset of the page in the buffer. */
  from = 0;
  private readonly view: DataView;

  constructor(readonly bytes: Buffer) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** A copy that lasts when the buffer is reused. */
  copy(size: number): Page {
    const copy = new Page(Buffer.from(this.bytes.subarray(this.from, this.from + size)));
    copy.number = this.number;
    return copy;
  }

  u16(offset: number): number {
    return this.view.getUint16(this.from + offset, true);
  }

  u32(offset: number): number {
    return this.view.getUint32(this.from + offset, true);
  }

  /** Exact up to 2^53. Every valid number except `NO_PAGE` is smaller. */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 2 ** 32;
  }

  i64(offset: number): number {
    return this.u32(offset) + this.view.getInt32(this.from + offset + 4, true) * 2 ** 32;
  }

  node(index: number): number {
    return this.u16(PAGE_HEADER_BYTES + index * 2) + PAGE_HEADER_BYTES;
  }

  child(node: number): number {
    return this.u32(node + NODE_SIZE_AT) + this.u16(node + NODE_KIND_AT) * 2 ** 32;
  }

  keyBytes(node: number): number {
    return this.u16(node + NODE_KEY_BYTES_AT);
  }

  value(node: number): number {
    return node + NODE_HEADER_BYTES + this.keyBytes(node);
  }

  /** The key as the number that it encodes; `undefined` when it is none. */
  numberKey(node: number): number | undefined {
    return this.numberIn(node + NODE_HEADER_BYTES, this.keyBytes(node));
  }

  /** The key of a pair as the text and the number that it encodes; `undefined` when it is none. */
  pairKey(node: number): { readonly text: Buffer; readonly number: number } | undefined {
    const textBytes = this.keyBytes(node) - PAIR_NUMBER_BYTES - 1;
    const from = node + NODE_HEADER_BYTES;
    if (textBytes < 1 || this.view.getUint8(this.from + from + textBytes) !== 0) return undefined;
    const number = this.numberIn(from + textBytes + 1, PAIR_NUMBER_BYTES);
    return number === undefined ? undefined : { text: this.slice(from, textBytes), number };
  }

  /**
   * A positive number as the ordered-binary encoding of lmdb-js has it: a 1 in four bits, then the bits of the double
   * from the highest on, without the zeros at the end. The bytes behind a short key are of its value.
   */
  private numberIn(offset: number, size: number): number | undefined {
    const at = this.from + offset;
    if (size < 4 || size > PAIR_NUMBER_BYTES || this.view.getUint8(at) >>> 4 !== 1) return undefined;
    let low = 0;
    for (let index = 4; index < 8; index += 1)
      low = (low << 8) | (index < size ? this.view.getUint8(at + index) : 0);
    const rest = size > 8 ? this.view.getUint8(at + 8) >>> 4 : 0;
    DOUBLE.setUint32(0, (this.view.getUint32(at) << 4) | (low >>> 28));
    DOUBLE.setUint32(4, (low << 4) | rest);
    return DOUBLE.getFloat64(0);
  }

  /** In a leaf: size of the node's content, which is the value or a reference to it. */
  heldBytes(node: number): number {
    const isReference = this.u16(node + NODE_KIND_AT) === VALUE_IN_RUN;
    return isReference ? RUN_REFERENCE_BYTES : this.u32(node + NODE_SIZE_AT);
  }

  /** The bytes from this offset on, which last until the buffer is reused. */
  slice(offset: number, size: number): Buffer {
    return this.bytes.subarray(this.from + offset, this.from + offset + size);
  }

  /** Positive when the key of this node sorts after the other's key. */
  compareKeys(node: number, other: Page, otherNode: number): number {
    const ours = this.keyBytes(node);
    const theirs = other.keyBytes(otherNode);
    const common = Math.min(ours, theirs);
    const from = this.from + node + NODE_HEADER_BYTES;
    const otherFrom = other.from + otherNode + NODE_HEADER_BYTES;
    let index = 0;
    for (; index + 4 <= common; index += 4) {
      const difference = this.view.getUint32(from + index) - other.view.getUint32(otherFrom + index);
      if (difference !== 0) return difference;
    }
    for (; index < common; index += 1) {
      const difference = this.view.getUint8(from + index) - other.view.getUint8(otherFrom + index);
      if (difference !== 0) return difference;
    }
    return ours - theirs;
  }
}
