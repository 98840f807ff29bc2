/** Each bucket bound is 1.2 times the previous one, so percentiles are accurate within 10 %. */
const GROWTH = Math.log(1.2);
const LEAST_SECONDS = 0.001;
/** Up to 20 hours; longer durations count in the last bucket. */
const BUCKETS = 100;

/** The buckets that are not empty: index, count, index, count. */
export type SketchText = readonly number[];

/** A histogram of durations in 400 bytes. Sketches can be added. */
export class DurationSketch {
  private readonly counts = new Uint32Array(BUCKETS);
  private total = 0;

  record(seconds: number): void {
    const bucket = Math.ceil(Math.log(Math.max(seconds, LEAST_SECONDS) / LEAST_SECONDS) / GROWTH);
    const index = Math.min(bucket, BUCKETS - 1);
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.total += 1;
  }

  /** @param text of `text` */
  static from(text: SketchText): DurationSketch {
    const sketch = new DurationSketch();
    for (let at = 0; at + 1 < text.length; at += 2) {
      const [index = 0, count = 0] = text.slice(at, at + 2);
      sketch.counts[Math.min(index, BUCKETS - 1)] = count;
      sketch.total += count;
    }
    return sketch;
  }

  /** The content as JSON. */
  get text(): SketchText {
    return [...this.counts].flatMap((count, index) => (count > 0 ? [index, count] : []));
  }

  add(other: DurationSketch): void {
    for (const [index, count] of other.counts.entries()) {
      this.counts[index] = (this.counts[index] ?? 0) + count;
    }
    this.total += other.total;
  }

  /**
   * The number of seconds that this share of the durations did not exceed; `undefined` if empty.
   *
   * @param share from 0 to 1
   */
  percentile(share: number): number | undefined {
    let left = Math.max(share * this.total, 1);
    for (const [index, count] of this.counts.entries()) {
      left -= count;
      if (left <= 0 && count > 0) return middleOf(index);
    }
    return undefined;
  }
}

function middleOf(bucket: number): number {
  const seconds = bucket === 0 ? LEAST_SECONDS : LEAST_SECONDS * Math.exp((bucket - 0.5) * GROWTH);
  return Number(seconds.toPrecision(3));
}
