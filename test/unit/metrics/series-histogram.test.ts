import { Histogram, Registry } from 'prom-client';
import { SeriesHistogram } from '../../../src/metrics/series-histogram.js';

const SETTINGS = {
  name: 'took_seconds',
  help: 'How long',
  labelNames: ['route', 'status'],
  buckets: [0.1, 1, 10],
};

describe('a histogram of series', () => {
  it('writes what the histogram of prom-client writes', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const fast = new SeriesHistogram({ ...SETTINGS, registers: [ours] });
    const plain = new Histogram({ ...SETTINGS, registers: [theirs] });
    expect(await ours.metrics()).toBe(await theirs.metrics());
    const observed = [
      ['/tasks', 201, 0.05],
      ['/tasks', 201, 0.1],
      ['/tasks', 422, 11],
      ['/"quoted"\n', 201, 1.5],
    ] as const;
    for (const [route, status, value] of observed) {
      fast.series(route, status).observe(value);
      plain.observe({ route, status }, value);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
    fast.series('/none', 200);
    plain.zero({ route: '/none', status: 200 });
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });
});
