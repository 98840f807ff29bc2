import { closeSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import {
  PAGE_NUMBER_AT,
  PAGE_TRANSACTION_AT,
  PAGE_KIND_AT,
  PAGE_OFFSETS_END_AT,
  PAGE_NODES_AT,
  PAGE_RUN_LENGTH_AT,
  PAGE_HEADER_BYTES,
  BRANCH,
  LEAF,
  OVERFLOW,
  META,
  NODE_SIZE_AT,
  NODE_KIND_AT,
  NODE_HEADER_BYTES,
  VALUE_HERE,
  VALUE_IN_RUN,
  VALUE_IS_TREE,
  OFFSET_BYTES,
  NUMERIC_KEY_BYTES,
  RUN_FIRST_PAGE_AT,
  RUN_LENGTH_AT,
  TREE_FLAGS_AT,
  TREE_DEPTH_AT,
  TREE_ENTRIES_AT,
  TREE_ROOT_AT,
  TREE_BYTES,
  TREE_FLAGS,
  INTEGER_KEYS,
  NO_PAGE,
  MAX_DEPTH,
  WORD_BYTES,
  META_MAGIC_AT,
  META_VERSION_AT,
  META_PAGE_BYTES_AT,
  META_FREE_LIST_AT,
  META_TABLES_AT,
  META_LAST_PAGE_AT,
  META_TRANSACTION_AT,
  META_BYTES,
  META_PAGES,
  MAGIC,
  DATA_VERSION,
  PAGE_BYTES,
  CHUNK_BYTES,
  Page,
  type Tree,
} from './lmdb-page.js';
import { ReadAhead } from './read-ahead.js';

/** The file of the embedded store is damaged. It was not changed. */
export class CorruptFile extends Error {
  override readonly name = 'CorruptFile';

  constructor(path: string, page: number, damage: string, options?: ErrorOptions) {
    super(
      `${path} is damaged at page ${page}: ${damage}. ` +
        'The file was not changed. Move it to another place and restore a backup',
      options,
    );
  }
}

/**
 * Checks an LMDB file before lmdb maps it: every page reachable from the newest meta page, and that none of them is
 * free. The state after a crash or a power cut passes. The check only reads the file and ignores the content of values.
 *
 * A missing file passes. An empty one does not: the store names a file only when it is complete, so an empty file has
 * lost its data.
 *
 * @throws CorruptFile when lmdb could crash on the file or return wrong data
 */
export function requireSoundFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const isLink = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (isLink) throw new CorruptFile(path, 0, 'it is a dangling symbolic link');
    return;
  }
  try {
    const { size } = fstatSync(file);
    if (size === 0) throw new CorruptFile(path, 0, 'it is empty');
    new FileCheck(path, file, size).check();
  } finally {
    closeSync(file);
  }
}

/** lmdb's limit: two nodes must fit in a page, also when the value is a tree. */
function maxKeyBytes(pageBytes: number): number {
  const nodeBytes = (((pageBytes - PAGE_HEADER_BYTES) / 2) & -2) - OFFSET_BYTES;
  return nodeBytes - NODE_HEADER_BYTES - TREE_BYTES;
}

class FileCheck {
  private pageBytes = META_BYTES;
  /** Number of whole pages in the file. */
  private pages: number;
  private lastPage = META_PAGES - 1;
  private transaction = 0;
  /** One bit per page of the file, set when the walk has met the page. */
  private seen = new Uint32Array(0);
  private freeBehindEnd = 0;
  private maxKeyBytes = 0;
  /** Entries of the tree being walked. */
  private entries = 0;
  private hasNumericKeys = false;
  private readonly tables: Tree[] = [];
  private readonly levels: Page[] = [];
  private readonly runHeader = new Page(PAGE_HEADER_BYTES);
  private readonly ahead = new ReadAhead((bytes, from) => this.readBytes(bytes, from));
  /** The node with the highest key so far, and its copy for when its page buffer is reused. */
  private previousPage = new Page(NODE_HEADER_BYTES);
  private previousNode = 0;
  private kept = this.previousPage;

  constructor(
    private readonly path: string,
    private readonly file: number,
    private readonly fileBytes: number,
  ) {
    this.pages = Math.floor(fileBytes / META_BYTES);
  }

  check(): void {
    const meta = this.newestMeta();
    this.transaction = meta.u64(META_TRANSACTION_AT);
    this.lastPage = meta.u64(META_LAST_PAGE_AT);
    this.seen = new Uint32Array(Math.ceil(this.pages / 32));
    this.kept = new Page(this.pageBytes);
    this.warm();
    this.maxKeyBytes = maxKeyBytes(this.pageBytes);
    this.walk(this.readTree(meta, META_FREE_LIST_AT, 'free list'));
    // A page that one transaction both took and freed is never written, so the file may end before it.
    const missing = Math.max(0, this.lastPage + 1 - this.pages);
    if (this.lastPage < META_PAGES - 1 || this.freeBehindEnd !== missing) {
      this.refuse(meta.number, `its last page is ${this.lastPage}, but the file has ${this.pages} pages`);
    }
    this.walk(this.readTree(meta, META_TABLES_AT, 'list of tables'));
    for (const table of this.tables) this.walk(table);
  }

  /** The meta page of the later transaction, as lmdb chooses. A torn write of the other page is harmless. */
  private newestMeta(): Page {
    const first = this.readMeta(0);
    this.requireMarks(first);
    this.pageBytes = first.u32(META_PAGE_BYTES_AT);
    if (!PAGE_BYTES.includes(this.pageBytes))
      this.refuse(0, `a page of ${this.pageBytes} bytes is impossible`);
    this.pages = Math.floor(this.fileBytes / this.pageBytes);
    const second = this.readMeta(1);
    const firstTransaction = first.u64(META_TRANSACTION_AT);
    // Page 1 may be missing before the first commit is synced. Later it always has its marks: they are not rewritten,
    // and a page without them might have been the newest.
    if (firstTransaction > 0) this.requireMarks(second);
    const newest = firstTransaction >= second.u64(META_TRANSACTION_AT) ? first : second;
    const transaction = newest.u64(META_TRANSACTION_AT);
    if (newest.u32(META_PAGE_BYTES_AT) !== this.pageBytes) this.refuse(1, 'its pages have another size');
    if (!Number.isSafeInteger(transaction) || transaction % 2 !== newest.number) {
      this.refuse(newest.number, `transaction ${transaction} does not belong there`);
    }
    return newest;
  }

  private readMeta(number: number): Page {
    if (number >= this.pages) this.refuse(number, 'the file ends before it');
    const meta = new Page(META_BYTES);
    this.read(meta, number);
    return meta;
  }

  private requireMarks(meta: Page): void {
    const isMeta = (meta.u16(PAGE_KIND_AT) & META) !== 0 && meta.u32(META_MAGIC_AT) === MAGIC;
    if (!isMeta) this.refuse(meta.number, 'it is not a meta page of LMDB');
    const version = meta.u16(META_VERSION_AT);
    if (version !== DATA_VERSION)
      this.refuse(meta.number, `it has data version ${version}, not ${DATA_VERSION}`);
  }

  private readTree(page: Page, at: number, kind: Tree['kind']): Tree {
    const flags = page.u16(at + TREE_FLAGS_AT) & TREE_FLAGS;
    const depth = page.u16(at + TREE_DEPTH_AT);
    const entries = page.u64(at + TREE_ENTRIES_AT);
    const root = page.u64(at + TREE_ROOT_AT);
    const isEmpty = root === NO_PAGE;
    if (flags !== (kind === 'free list' ? INTEGER_KEYS : 0)) {
      this.refuse(page.number, `the ${kind} has the flags ${flags}`);
    }
    if (depth > MAX_DEPTH || (depth === 0) !== isEmpty || (entries === 0) !== isEmpty) {
      this.refuse(page.number, `the ${kind} has ${entries} entries on ${depth} levels below page ${root}`);
    }
    const youngest = kind === 'table' ? page.u64(PAGE_TRANSACTION_AT) : this.transaction;
    return { kind, root, depth, entries, youngest };
  }

  private walk(tree: Tree): void {
    this.entries = 0;
    this.hasNumericKeys = tree.kind === 'free list';
    this.kept.bytes.fill(0, 0, PAGE_HEADER_BYTES);
    this.previousPage = this.kept;
    this.previousNode = 0;
    if (tree.depth > 0) this.visit(tree, tree.root, 1);
    if (this.entries !== tree.entries) {
      this.refuse(tree.root, `the ${tree.kind} below it has ${this.entries} entries, not ${tree.entries}`);
    }
  }

  /** Visits a page and all below it, in the order of the keys. */
  private visit(tree: Tree, number: number, level: number): void {
    const page = (this.levels[level] ??= new Page(this.pageBytes));
    const youngest = level === 1 ? tree.youngest : (this.levels[level - 1]?.u64(PAGE_TRANSACTION_AT) ?? 0);
    const isLeaf = level === tree.depth;
    this.claim(number, 1);
    this.read(page, number);
    this.requireHeader(page, isLeaf ? LEAF : BRANCH, youngest);
    const nodes = this.checkNodes(page, isLeaf);
    if (isLeaf) {
      this.checkLeaf(page, nodes, tree);
      return;
    }
    // lmdb aborts the process at a branch with a single page, except in the free list.
    if (nodes === 1 && tree.kind !== 'free list') this.refuse(number, 'it is a branch to one page only');
    for (let index = 0; index < nodes; index += 1) {
      const node = page.node(index);
      // The first key of a branch is unused. The others are lower bounds of the keys below them.
      if (index > 0) this.passKey(page, node, false);
      this.visit(tree, page.child(node), level + 1);
    }
  }

  private requireHeader(page: Page, kind: number, youngest: number): void {
    if (page.u64(PAGE_NUMBER_AT) !== page.number) this.refuse(page.number, 'another page lies in its place');
    if (page.u16(PAGE_KIND_AT) !== kind) this.refuse(page.number, 'it is not of the kind that belongs there');
    if (page.u64(PAGE_TRANSACTION_AT) > youngest)
      this.refuse(page.number, 'it is younger than what points to it');
  }

  /** @returns the number of nodes, when all of them lie within the page */
  private checkNodes(page: Page, isLeaf: boolean): number {
    const offsetsBytes = page.u16(PAGE_OFFSETS_END_AT);
    const nodesFrom = page.u16(PAGE_NODES_AT) + PAGE_HEADER_BYTES;
    const isPossible =
      offsetsBytes > 0 && offsetsBytes % 2 === 0 && offsetsBytes + PAGE_HEADER_BYTES <= nodesFrom;
    if (!isPossible || nodesFrom > this.pageBytes) this.refuse(page.number, 'its free space is impossible');
    const nodes = offsetsBytes / 2;
    let filled = 0;
    for (let index = 0; index < nodes; index += 1) {
      const node = page.node(index);
      const isWithin = node >= nodesFrom && node % 2 === 0 && node + NODE_HEADER_BYTES <= this.pageBytes;
      if (!isWithin) this.refuse(page.number, `node ${index} begins outside`);
      const end = page.value(node) + (isLeaf ? page.heldBytes(node) : 0);
      if (end > this.pageBytes) this.refuse(page.number, `node ${index} ends outside`);
      filled += end + (end % 2) - node;
    }
    if (filled !== this.pageBytes - nodesFrom) this.refuse(page.number, 'its nodes do not fill their space');
    return nodes;
  }

  private checkLeaf(page: Page, nodes: number, tree: Tree): void {
    for (let index = 0; index < nodes; index += 1) {
      const node = page.node(index);
      this.passKey(page, node, index === 0);
      this.checkValue(page, node, tree);
    }
    this.entries += nodes;
    // The next leaf is read into the same buffer.
    page.bytes.copy(this.kept.bytes, 0, this.previousNode, page.value(this.previousNode));
    this.previousPage = this.kept;
    this.previousNode = 0;
  }

  /** Requires ascending keys. The first key of a leaf may equal the branch key that leads to it. */
  private passKey(page: Page, node: number, mayEqual: boolean): void {
    const size = page.keyBytes(node);
    const { previousPage, previousNode, hasNumericKeys } = this;
    const isPossible = hasNumericKeys ? size === NUMERIC_KEY_BYTES : size > 0 && size <= this.maxKeyBytes;
    if (!isPossible) this.refuse(page.number, `a key of ${size} bytes is impossible`);
    const order = hasNumericKeys
      ? page.u64(node + NODE_HEADER_BYTES) - previousPage.u64(previousNode + NODE_HEADER_BYTES)
      : page.compareKeys(node, previousPage, previousNode);
    if (order < 0 || (order === 0 && !mayEqual)) this.refuse(page.number, 'its keys are out of order');
    this.previousPage = page;
    this.previousNode = node;
  }

  private checkValue(page: Page, node: number, tree: Tree): void {
    const kind = page.u16(node + NODE_KIND_AT);
    const bytes = page.u32(node + NODE_SIZE_AT);
    const at = page.value(node);
    if (kind === VALUE_IN_RUN) this.checkRun(page, at, bytes);
    else if (kind === VALUE_IS_TREE && tree.kind === 'list of tables' && bytes === TREE_BYTES) {
      this.tables.push(this.readTree(page, at, 'table'));
    } else if (kind !== VALUE_HERE) this.refuse(page.number, `it holds a value of kind ${kind}`);
    else if (tree.kind === 'free list') this.passFreePages(page, at, bytes);
  }

  private checkRun(page: Page, at: number, bytes: number): void {
    const first = page.u64(at + RUN_FIRST_PAGE_AT);
    const length = page.u64(at + RUN_LENGTH_AT);
    if (length * this.pageBytes < PAGE_HEADER_BYTES + bytes)
      this.refuse(page.number, 'a value exceeds its pages');
    this.claim(first, length);
    this.read(this.runHeader, first);
    this.requireHeader(this.runHeader, OVERFLOW, this.transaction);
    if (this.runHeader.u32(PAGE_RUN_LENGTH_AT) !== length) this.refuse(first, 'its value has another length');
    if (!this.hasNumericKeys) return;
    const list = new Page(PAGE_HEADER_BYTES + bytes);
    this.read(list, first);
    this.passFreePages(list, PAGE_HEADER_BYTES, bytes);
  }

  /** lmdb overwrites the pages that this list names. */
  private passFreePages(page: Page, at: number, bytes: number): void {
    const length = bytes < WORD_BYTES ? Infinity : page.u64(at);
    if ((length + 1) * WORD_BYTES > bytes) this.refuse(page.number, 'its list of free pages is cut off');
    for (let index = 1; index <= length; index += 1) {
      const entry = page.i64(at + index * WORD_BYTES);
      if (entry > 0) this.claim(entry, 1, true);
      if (entry >= 0) continue;
      index += 1;
      if (index > length) this.refuse(page.number, 'its list of free pages is cut off');
      this.claim(page.i64(at + index * WORD_BYTES), -entry, true);
    }
  }

  /** Marks pages as met and rejects a page that was met before. */
  private claim(first: number, count: number, isFree = false): void {
    const end = first + count;
    if (first < META_PAGES || count < 1 || end - 1 > this.lastPage)
      this.refuse(first, 'no such page can exist');
    if (end > this.pages) {
      if (!isFree) this.refuse(first, `the file ends after ${this.pages} pages`);
      this.freeBehindEnd += end - Math.max(first, this.pages);
    }
    for (let number = first; number < Math.min(end, this.pages); number += 1) {
      const word = number >>> 5;
      const bit = 1 << (number & 31);
      const bits = this.seen[word] ?? 0;
      if ((bits & bit) !== 0) this.refuse(number, 'it is used twice, or in use and free');
      this.seen[word] = bits | bit;
    }
  }

  /** Reads the file sequentially. The walk itself jumps between pages and would wait for the disk each time. */
  private warm(): void {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let from = 0; from < this.fileBytes; from += CHUNK_BYTES) this.readBytes(chunk, from);
  }

  private read(page: Page, number: number): void {
    page.number = number;
    const isWhole = this.ahead.read(page.bytes, number * this.pageBytes) === page.bytes.length;
    if (!isWhole) this.refuse(number, 'the file ends within it');
  }

  private readBytes(bytes: Buffer, from: number): number {
    try {
      return readSync(this.file, bytes, 0, bytes.length, from);
    } catch (cause) {
      throw new CorruptFile(this.path, Math.floor(from / this.pageBytes), 'it cannot be read', { cause });
    }
  }

  private refuse(page: number, damage: string): never {
    throw new CorruptFile(this.path, page, damage);
  }
}
