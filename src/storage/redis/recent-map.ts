/**
 * A map that forgets what was set longest ago. It has two generations: when the young one is full it becomes the old
 * one, and the old one is dropped as a whole. So it holds at least half of what it may, and nothing is looked for to be
 * forgotten: a `Map` that loses its first entries one by one has to step over the places of all of them.
 */
export class RecentMap<Key, Value> {
  private young = new Map<Key, Value>();
  private old = new Map<Key, Value>();

  /** @param most entries at the most */
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

  delete(key: Key): void {
    this.young.delete(key);
    this.old.delete(key);
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }
}
