import { Histogram, type HistogramConfiguration } from 'prom-client';

/** The observations with one set of label values. */
export class Series {
  /** By bucket; the last one counts values above all bounds. */
  private readonly counts: Float64Array;
  private sum = 0;

  constructor(
    private readonly name: string,
    private readonly labels: Readonly<Record<string, string>>,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket += 1;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.sum += value;
  }

  values() {
    const { name, labels, bounds, counts, sum } = this;
    let count = 0;
    const buckets = Array.from(counts, (inBucket, index) => {
      count += inBucket;
      return {
        metricName: `${name}_bucket`,
        labels: { le: bounds[index] ?? '+Inf', ...labels },
        value: count,
      };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}

interface Node {
  readonly children: Map<string | number, Node>;
  series?: Series;
}

/**
 * A histogram that resolves its labels once per series. The histogram of prom-client validates, joins and looks them up
 * on each observation, and a task cycle makes six.
 */
export class SeriesHistogram extends Histogram {
  private readonly root: Node = { children: new Map() };
  private readonly all: Series[] = [];
  private readonly names: readonly string[];
  private readonly bounds: readonly number[];

  constructor(private readonly settings: HistogramConfiguration<string>) {
    super(settings);
    this.names = settings.labelNames ?? [];
    this.bounds = settings.buckets ?? [];
  }

  /** The series with these label values, in the order of the label names. It starts at zero. */
  series(...labels: readonly (string | number)[]): Series {
    let node = this.root;
    for (const label of labels) {
      let next = node.children.get(label);
      if (next === undefined) node.children.set(label, (next = { children: new Map() }));
      node = next;
    }
    node.series ??= this.begin(labels);
    return node.series;
  }

  override get(): ReturnType<Histogram['get']> {
    const { name, help } = this.settings;
    const values = this.all.flatMap((series) => series.values());
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values }) as never;
  }

  /** Called by the registry for the text format; the same as `get`, without exemplars. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }

  private begin(labels: readonly (string | number)[]): Series {
    const named = Object.fromEntries(this.names.map((name, index) => [name, String(labels[index])]));
    const series = new Series(this.settings.name, named, this.bounds);
    this.all.push(series);
    return series;
  }
}
