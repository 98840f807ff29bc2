/**
 * A bounded map that drops the oldest entries. It has two generations: a full young one becomes the old one, and the
 * former old one is dropped. So it keeps at least the latest half of its capacity.
 *
 * No entry of a `Map` is ever deleted here. After deletions at the front, iteration steps over all empty places. And V8
 * copies a map whose entries come and go, and keeps each copy with its contents until a full garbage collection (Node
 * 20).
 */
export class RecentMap<Key, Value> {
  private young = new Map<Key, Value | undefined>();
  private old = new Map<Key, Value | undefined>();

  /** @param most the most keys; dropped ones count until they are gone */
  constructor(private readonly most: number) {}

  get(key: Key): Value | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  set(key: Key, value: Value): void {
    this.young.set(key, value);
    if (this.young.size < this.most / 2) return;
    this.old = this.young;
    this.young = new Map();
  }

  forget(key: Key): void {
    for (const generation of [this.young, this.old]) {
      if (generation.has(key)) generation.set(key, undefined);
    }
  }

  clear(): void {
    this.young = new Map();
    this.old = new Map();
  }
}
