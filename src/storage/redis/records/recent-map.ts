/**
 * A map that forgets what was set longest ago. It has two generations: when the young one is full it becomes the old
 * one, and the old one is dropped as a whole. So it holds at least the latest half of what it may.
 *
 * Nothing is ever taken out of a `Map` here. One that loses its first entries steps over the places of all of them to
 * find the next, and one whose entries come and go is copied again and again by V8, which keeps each of the copies, with
 * all that was in it, until a full collection of garbage (Node 20).
 */
export class RecentMap<Key, Value> {
  private young = new Map<Key, Value | undefined>();
  private old = new Map<Key, Value | undefined>();

  /** @param most keys at the most; those that were forgotten count */
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
