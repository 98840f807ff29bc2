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
  Page,
  type Tree,
} from './lmdb-page.js';
import { PageList, PageVisits } from './page-visits.js';

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

/** An entry of a table: the node with its key, and the place of its value in a buffer. */
export interface Entry {
  readonly page: Page;
  readonly node: number;
  readonly bytes: Buffer;
  readonly from: number;
  readonly end: number;
}

/** Receives the entries of a table, each once, in any order. */
export type TakeEntry = (entry: Entry) => void;

/** What receives the entries of which table. */
export type Readers = Readonly<Record<string, TakeEntry>>;

/**
 * Checks an LMDB file before lmdb maps it: every page reachable from the newest meta page, and that none of them is
 * free. The state after a crash or a power cut passes. The check only reads the file and ignores the content of values.
 *
 * The walk goes down all trees at once, level by level, and through each level in the order of the file.
 *
 * A missing file passes. An empty one does not: the store names a file only when it is complete, so an empty file has
 * lost its data.
 *
 * @param readers receive entries while the walk passes them, in buffers that last until they return; what they received
 * is valid when the check has passed
 * @throws CorruptFile when lmdb could crash on the file or return wrong data
 */
export function requireSoundFile(path: string, readers: Readers = {}): void {
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
    new FileCheck({ path, file, fileBytes: size, readers }).check();
  } finally {
    closeSync(file);
  }
}

/** lmdb's limit: two nodes must fit in a page, also when the value is a tree. */
function maxKeyBytes(pageBytes: number): number {
  const nodeBytes = (((pageBytes - PAGE_HEADER_BYTES) / 2) & -2) - OFFSET_BYTES;
  return nodeBytes - NODE_HEADER_BYTES - TREE_BYTES;
}

/** A key that bounds the keys of a page. */
interface Bound {
  readonly page: Page;
  readonly node: number;
}

/** A checked branch, or the root of a tree, whose pages below are to be visited. */
interface Branch {
  readonly tree: Tree;
  /** Level of the pages below; the root is at level 1. */
  readonly level: number;
  /** Latest transaction that may have written them. */
  readonly youngest: number;
  /** Absent above a root. */
  readonly page: Page | undefined;
  /** Number of pages below. */
  readonly nodes: number;
  /** No key below sorts before it. */
  readonly lower: Bound | undefined;
  /** Every key below sorts before it. */
  readonly upper: Bound | undefined;
}

/** What the keys of a page must satisfy. */
interface KeyTerms extends Pick<Branch, 'tree' | 'lower' | 'upper'> {
  readonly isLeaf: boolean;
}

interface CheckedFile {
  readonly path: string;
  readonly file: number;
  readonly fileBytes: number;
  readonly readers: Readers;
}

class FileCheck {
  private readonly path: string;
  private readonly file: number;
  private readonly fileBytes: number;
  private readonly readers: Readers;
  private pageBytes = META_BYTES;
  /** Number of whole pages in the file. */
  private pages: number;
  private lastPage = META_PAGES - 1;
  private transaction = 0;
  /** One bit per page of the file, set when the walk has met the page. */
  private seen = new Uint32Array(0);
  private freeBehindEnd = 0;
  private maxKeyBytes = 0;
  private visits: PageVisits;
  private readonly tables: Tree[] = [];
  /** First pages of runs to visit, tagged with the length of the run. */
  private runs = new PageList();

  constructor({ path, file, fileBytes, readers }: CheckedFile) {
    this.path = path;
    this.file = file;
    this.fileBytes = fileBytes;
    this.readers = readers;
    this.pages = Math.floor(fileBytes / META_BYTES);
    this.visits = this.visitsOfPages();
  }

  check(): void {
    const meta = this.newestMeta();
    this.transaction = meta.u64(META_TRANSACTION_AT);
    this.lastPage = meta.u64(META_LAST_PAGE_AT);
    this.seen = new Uint32Array(Math.ceil(this.pages / 32));
    this.maxKeyBytes = maxKeyBytes(this.pageBytes);
    this.visits = this.visitsOfPages();
    this.walk([this.readTree(meta, META_FREE_LIST_AT, { kind: 'free list', name: '' })]);
    // A page that one transaction both took and freed is never written, so the file may end before it.
    const missing = Math.max(0, this.lastPage + 1 - this.pages);
    if (this.lastPage < META_PAGES - 1 || this.freeBehindEnd !== missing) {
      this.refuse(meta.number, `its last page is ${this.lastPage}, but the file has ${this.pages} pages`);
    }
    this.walk([this.readTree(meta, META_TABLES_AT, { kind: 'list of tables', name: '' })]);
    this.walk(this.tables);
  }

  private visitsOfPages(): PageVisits {
    return new PageVisits(this.pageBytes, (bytes, from) => {
      this.readWhole(bytes, from);
    });
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
    return this.readPart(number, META_BYTES);
  }

  private requireMarks(meta: Page): void {
    const isMeta = (meta.u16(PAGE_KIND_AT) & META) !== 0 && meta.u32(META_MAGIC_AT) === MAGIC;
    if (!isMeta) this.refuse(meta.number, 'it is not a meta page of LMDB');
    const version = meta.u16(META_VERSION_AT);
    if (version !== DATA_VERSION)
      this.refuse(meta.number, `it has data version ${version}, not ${DATA_VERSION}`);
  }

  private readTree(page: Page, at: number, { kind, name }: Pick<Tree, 'kind' | 'name'>): Tree {
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
    return { kind, name, root, depth, entries, youngest, found: 0 };
  }

  private walk(trees: readonly Tree[]): void {
    this.runs = new PageList();
    let branches = trees.filter(({ depth }) => depth > 0).map((tree) => rootOf(tree));
    while (branches.length > 0) branches = this.visitBelow(branches);
    this.visits.visit(this.runs, (page, length) => {
      this.requireRun(page, length);
    });
    for (const { kind, root, entries, found } of trees) {
      if (found !== entries) this.refuse(root, `the ${kind} below it has ${found} entries, not ${entries}`);
    }
  }

  /** Checks the pages below these branches, and returns the branches among them. */
  private visitBelow(branches: readonly Branch[]): Branch[] {
    const pages = new PageList();
    const firsts = new Uint32Array(branches.length);
    const owners = new Uint32Array(branches.reduce((sum, { nodes }) => sum + nodes, 0));
    for (const [owner, branch] of branches.entries()) {
      firsts[owner] = pages.size;
      for (let index = 0; index < branch.nodes; index += 1) {
        const number = branch.page?.child(branch.page.node(index)) ?? branch.tree.root;
        this.claim(number, 1);
        owners[pages.size] = owner;
        pages.add(number, pages.size);
      }
    }
    const found: Branch[] = [];
    this.visits.visit(pages, (page, entry) => {
      const owner = owners[entry] ?? 0;
      const branch = branches[owner];
      if (branch === undefined) return;
      const below = this.checkBelow(page, branch, entry - (firsts[owner] ?? 0));
      if (below !== undefined) found.push(below);
    });
    return found;
  }

  /** Checks a page at this index below a branch; returns it when it is a branch itself. */
  private checkBelow(page: Page, branch: Branch, index: number): Branch | undefined {
    const { tree, level, youngest } = branch;
    const isLeaf = level === tree.depth;
    this.requireHeader(page, isLeaf ? LEAF : BRANCH, youngest);
    const nodes = this.checkNodes(page, isLeaf);
    // The first key of a branch is unused. The others are lower bounds of the keys below them.
    const lower = index > 0 ? boundIn(branch, index) : branch.lower;
    const upper = index + 1 < branch.nodes ? boundIn(branch, index + 1) : branch.upper;
    this.checkKeys(page, nodes, { tree, lower, upper, isLeaf });
    if (isLeaf) {
      tree.found += nodes;
      this.checkValues(page, nodes, tree);
      return undefined;
    }
    // lmdb aborts the process at a branch with a single page, except in the free list.
    if (nodes === 1 && tree.kind !== 'free list') this.refuse(page.number, 'it is a branch to one page only');
    const below = { tree, level: level + 1, youngest: page.u64(PAGE_TRANSACTION_AT), nodes, lower, upper };
    return { ...below, page: page.copy(this.pageBytes) };
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

  /** Requires ascending keys within the bounds. The first key of a leaf may equal the branch key that leads to it. */
  private checkKeys(page: Page, nodes: number, { tree, isLeaf, lower, upper }: KeyTerms): void {
    const hasNumericKeys = tree.kind === 'free list';
    const first = isLeaf ? 0 : 1;
    let previousPage = lower?.page;
    let previousNode = lower?.node ?? 0;
    for (let index = first; index < nodes; index += 1) {
      const node = page.node(index);
      const size = page.keyBytes(node);
      const isPossible = hasNumericKeys ? size === NUMERIC_KEY_BYTES : size > 0 && size <= this.maxKeyBytes;
      if (!isPossible) this.refuse(page.number, `a key of ${size} bytes is impossible`);
      if (previousPage !== undefined) {
        const order = orderOf({ page, node }, { page: previousPage, node: previousNode }, hasNumericKeys);
        const mayEqual = isLeaf && index === first;
        if (order < 0 || (order === 0 && !mayEqual)) this.refuse(page.number, 'its keys are out of order');
      }
      previousPage = page;
      previousNode = node;
    }
    if (upper === undefined || previousPage !== page) return;
    const order = orderOf({ page, node: previousNode }, upper, hasNumericKeys);
    if (order >= 0) this.refuse(page.number, 'its keys reach into the next page');
  }

  private checkValues(page: Page, nodes: number, tree: Tree): void {
    const isFreeList = tree.kind === 'free list';
    const take = tree.kind === 'table' ? this.readers[tree.name] : undefined;
    const isOpaque = take === undefined && !isFreeList;
    for (let index = 0; index < nodes; index += 1) {
      const node = page.node(index);
      const kind = page.u16(node + NODE_KIND_AT);
      if (kind === VALUE_HERE && isOpaque) continue;
      const bytes = page.u32(node + NODE_SIZE_AT);
      const at = page.value(node);
      if (kind === VALUE_HERE) {
        if (isFreeList) this.passFreePages(page, at, bytes);
        take?.(entryAt({ page, node }, page, { at, bytes }));
      } else if (kind === VALUE_IN_RUN) {
        const run = this.claimRun(page, node, !isOpaque);
        if (run === undefined) continue;
        if (isFreeList) this.passFreePages(run, PAGE_HEADER_BYTES, bytes);
        take?.(entryAt({ page, node }, run, { at: PAGE_HEADER_BYTES, bytes }));
      } else if (kind === VALUE_IS_TREE && tree.kind === 'list of tables' && bytes === TREE_BYTES) {
        // lmdb-js ends the name with a zero.
        const name = page.slice(node + NODE_HEADER_BYTES, page.keyBytes(node) - 1).toString();
        this.tables.push(this.readTree(page, at, { kind: 'table', name }));
      } else this.refuse(page.number, `it holds a value of kind ${kind}`);
    }
  }

  /** Claims the pages of a large value, and returns the value if it is to be read. The header is checked now or later. */
  private claimRun(page: Page, node: number, isRead: boolean): Page | undefined {
    const at = page.value(node);
    const bytes = page.u32(node + NODE_SIZE_AT);
    const first = page.u64(at + RUN_FIRST_PAGE_AT);
    const length = page.u64(at + RUN_LENGTH_AT);
    if (length * this.pageBytes < PAGE_HEADER_BYTES + bytes)
      this.refuse(page.number, 'a value exceeds its pages');
    this.claim(first, length);
    if (!isRead) {
      this.runs.add(first, length);
      return undefined;
    }
    const run = this.readPart(first, PAGE_HEADER_BYTES + bytes);
    this.requireRun(run, length);
    return run;
  }

  private requireRun(run: Page, length: number): void {
    this.requireHeader(run, OVERFLOW, this.transaction);
    if (run.u32(PAGE_RUN_LENGTH_AT) !== length) this.refuse(run.number, 'its value has another length');
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

  /** Reads this many bytes from the begin of a page on. */
  private readPart(number: number, size: number): Page {
    const page = new Page(Buffer.allocUnsafe(size));
    page.number = number;
    this.readWhole(page.bytes, number * this.pageBytes);
    return page;
  }

  private readWhole(bytes: Buffer, from: number): void {
    const page = Math.floor(from / this.pageBytes);
    let count: number;
    try {
      count = readSync(this.file, bytes, 0, bytes.length, from);
    } catch (cause) {
      throw new CorruptFile(this.path, page, 'it cannot be read', { cause });
    }
    if (count < bytes.length) this.refuse(page, 'the file ends within it');
  }

  private refuse(page: number, damage: string): never {
    throw new CorruptFile(this.path, page, damage);
  }
}

/** The place above the root of a tree. */
function rootOf(tree: Tree): Branch {
  const { youngest } = tree;
  return { tree, level: 1, youngest, page: undefined, nodes: 1, lower: undefined, upper: undefined };
}

function boundIn({ page }: Branch, index: number): Bound | undefined {
  return page && { page, node: page.node(index) };
}

/** @param holder the page with the value, which may be in a run */
function entryAt(
  { page, node }: Bound,
  holder: Page,
  { at, bytes }: { readonly at: number; readonly bytes: number },
): Entry {
  const from = holder.from + at;
  return { page, node, bytes: holder.bytes, from, end: from + bytes };
}

/** Positive when the first key sorts after the second. */
function orderOf(one: Bound, other: Bound, isNumeric: boolean): number {
  if (!isNumeric) return one.page.compareKeys(one.node, other.page, other.node);
  return one.page.u64(one.node + NODE_HEADER_BYTES) - other.page.u64(other.node + NODE_HEADER_BYTES);
}
