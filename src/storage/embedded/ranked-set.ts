/** Maximum number of keys per chunk: two pages of memory, short enough to shift on an insert. */
const CHUNK_CAPACITY = 512;
const SMALLEST_CAPACITY = 8;

/** A sorted run of keys from `keys[start]` up to, not including, `keys[end]`. */
interface Chunk {
  keys: Float64Array;
  start: number;
  end: number;
}

/**
 * A sorted set of numbers with rank queries.
 *
 * Keys are in typed arrays outside the garbage-collected heap, 8 bytes each, split into chunks. A Fenwick tree (P. M.
 * Fenwick, 1994) over the chunk sizes gives ranks. Adding, deleting, finding and ranking take O(log n) plus a shift
 * within one chunk. Appending and removing the first key shift nothing.
 */
export class RankedSet {
  private chunks: Chunk[] = [];
  /** Built when a rank is requested; discarded when the number of chunks changes. */
  private tree: Int32Array | undefined;
  private count = 0;

  /** @param keys ascending, each once */
  static of(keys: Float64Array): RankedSet {
    const set = new RankedSet();
    for (let from = 0; from < keys.length; from += CHUNK_CAPACITY) {
      const chunk = keys.slice(from, from + CHUNK_CAPACITY);
      set.chunks.push({ keys: chunk, start: 0, end: chunk.length });
    }
    set.count = keys.length;
    return set;
  }

  get size(): number {
    return this.count;
  }

  /** All keys, ascending. */
  keys(): Float64Array {
    const all = new Float64Array(this.count);
    let at = 0;
    for (const { keys, start, end } of this.chunks) {
      all.set(keys.subarray(start, end), at);
      at += end - start;
    }
    return all;
  }

  first(): number | undefined {
    const chunk = this.chunks[0];
    return chunk?.keys[chunk.start];
  }

  last(): number | undefined {
    const chunk = this.chunks.at(-1);
    return chunk?.keys[chunk.end - 1];
  }

  /** The key with exactly `rank` smaller keys. */
  at(rank: number): number | undefined {
    const tree = (this.tree ??= this.buildTree());
    let index = 0;
    let left = rank;
    // Descends the tree: takes the most chunks that together hold at most the number of keys to skip.
    for (let step = 2 ** Math.floor(Math.log2(Math.max(tree.length - 1, 1))); step >= 1; step /= 2) {
      const size = tree[index + step];
      if (size === undefined || size > left) continue;
      index += step;
      left -= size;
    }
    const chunk = this.chunks[index];
    return chunk === undefined || rank < 0 ? undefined : chunk.keys[chunk.start + left];
  }

  /** Removes and returns the smallest key. */
  shift(): number | undefined {
    const key = this.first();
    if (key !== undefined) this.delete(key);
    return key;
  }

  has(key: number): boolean {
    const chunk = this.chunks[this.chunkOf(key)];
    if (chunk === undefined) return false;
    const at = lowerBound(chunk, key);
    return at < chunk.end && chunk.keys[at] === key;
  }

  /** False when the key was present. */
  add(key: number): boolean {
    const last = this.chunks.at(-1);
    if (last === undefined || key > lastOf(last)) {
      this.append(key, last);
      return true;
    }
    const index = Math.max(this.chunkOf(key), 0);
    const chunk = this.chunks[index] ?? last;
    const at = lowerBound(chunk, key);
    if (at < chunk.end && chunk.keys[at] === key) return false;
    this.insertAt(index, chunk, at, key);
    return true;
  }

  /** False when the key was missing. */
  delete(key: number): boolean {
    const index = this.chunkOf(key);
    const chunk = this.chunks[index];
    if (chunk === undefined) return false;
    const at = lowerBound(chunk, key);
    if (at >= chunk.end || chunk.keys[at] !== key) return false;
    if (at === chunk.start) chunk.start += 1;
    else {
      chunk.keys.copyWithin(at, at + 1, chunk.end);
      chunk.end -= 1;
    }
    this.resized(index, -1);
    this.shrink(index, chunk);
    return true;
  }

  /** Number of smaller keys. */
  rank(key: number): number {
    const index = this.chunkOf(key);
    const chunk = this.chunks[index];
    if (chunk === undefined) return 0;
    return this.sizeBefore(index) + lowerBound(chunk, key) - chunk.start;
  }

  /** The largest key below `limit`. */
  below(limit: number): number | undefined {
    for (let index = this.chunkOf(limit); index >= 0; index -= 1) {
      const chunk = this.chunks[index];
      if (chunk === undefined) return undefined;
      const at = lowerBound(chunk, limit) - 1;
      if (at >= chunk.start) return chunk.keys[at];
    }
    return undefined;
  }

  private append(key: number, last: Chunk | undefined): void {
    if (last !== undefined && !isFull(last)) {
      makeRoom(last);
      last.keys[last.end] = key;
      last.end += 1;
      this.resized(this.chunks.length - 1, 1);
      return;
    }
    const keys = new Float64Array(last === undefined ? SMALLEST_CAPACITY : CHUNK_CAPACITY);
    keys[0] = key;
    this.chunks.push({ keys, start: 0, end: 1 });
    this.tree = undefined;
    this.count += 1;
  }

  private insertAt(index: number, chunk: Chunk, at: number, key: number): void {
    if (isFull(chunk)) {
      this.split(index, chunk);
      this.add(key);
      return;
    }
    const offset = at - chunk.start;
    makeRoom(chunk);
    const place = chunk.start + offset;
    chunk.keys.copyWithin(place + 1, place, chunk.end);
    chunk.keys[place] = key;
    chunk.end += 1;
    this.resized(index, 1);
  }

  private split(index: number, chunk: Chunk): void {
    const middle = (chunk.start + chunk.end) >> 1;
    const keys = new Float64Array(CHUNK_CAPACITY);
    keys.set(chunk.keys.subarray(middle, chunk.end));
    this.chunks.splice(index + 1, 0, { keys, start: 0, end: chunk.end - middle });
    chunk.end = middle;
    this.tree = undefined;
  }

  /** Drops an empty chunk and joins a small one with the next, so that memory use follows the number of keys. */
  private shrink(index: number, chunk: Chunk): void {
    const size = chunk.end - chunk.start;
    if (size === 0) {
      this.chunks.splice(index, 1);
      this.tree = undefined;
      return;
    }
    const next = this.chunks[index + 1];
    if (next === undefined || size + next.end - next.start > CHUNK_CAPACITY / 2) return;
    const keys = new Float64Array(CHUNK_CAPACITY);
    keys.set(chunk.keys.subarray(chunk.start, chunk.end));
    keys.set(next.keys.subarray(next.start, next.end), size);
    this.chunks.splice(index, 2, { keys, start: 0, end: size + next.end - next.start });
    this.tree = undefined;
  }

  private resized(index: number, by: 1 | -1): void {
    this.count += by;
    const { tree } = this;
    if (tree === undefined) return;
    for (let node = index + 1; node < tree.length; node += node & -node) tree[node] = (tree[node] ?? 0) + by;
  }

  private sizeBefore(index: number): number {
    const tree = (this.tree ??= this.buildTree());
    let sum = 0;
    for (let node = index; node > 0; node -= node & -node) sum += tree[node] ?? 0;
    return sum;
  }

  private buildTree(): Int32Array {
    const tree = new Int32Array(this.chunks.length + 1);
    this.chunks.forEach((chunk, index) => {
      const node = index + 1;
      const sum = (tree[node] ?? 0) + chunk.end - chunk.start;
      tree[node] = sum;
      const parent = node + (node & -node);
      if (parent < tree.length) tree[parent] = (tree[parent] ?? 0) + sum;
    });
    return tree;
  }

  /** The last chunk that begins at or below `key`; -1 when all chunks begin above it. */
  private chunkOf(key: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = this.chunks[middle];
      if (chunk !== undefined && (chunk.keys[chunk.start] ?? Infinity) <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The position of `key`, or its insertion position. */
function lowerBound(chunk: Chunk, key: number): number {
  let low = chunk.start;
  let high = chunk.end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chunk.keys[middle] ?? Infinity) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastOf(chunk: Chunk): number {
  return chunk.keys[chunk.end - 1] ?? -Infinity;
}

/** Whether an insert would shift more than half of the chunk's capacity. */
function isFull(chunk: Chunk): boolean {
  return chunk.end === CHUNK_CAPACITY && (chunk.end - chunk.start) * 2 > CHUNK_CAPACITY;
}

/** Makes room for one key at the end of a chunk that is not full. */
function makeRoom(chunk: Chunk): void {
  if (chunk.end < chunk.keys.length) return;
  const size = chunk.end - chunk.start;
  if (size * 2 <= chunk.keys.length) chunk.keys.copyWithin(0, chunk.start, chunk.end);
  else {
    const keys = new Float64Array(Math.min(chunk.keys.length * 2, CHUNK_CAPACITY));
    keys.set(chunk.keys.subarray(chunk.start, chunk.end));
    chunk.keys = keys;
  }
  chunk.start = 0;
  chunk.end = size;
}
