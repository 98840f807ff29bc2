import { Injectable } from '@nestjs/common';
import { methodOf, routeOf, type ServedRequest, statusOf } from '../http/request-observers.js';
import { MetricsRegistry } from './metrics-registry.js';
import { SeriesHistogram } from './series-histogram.js';

/** Seconds, from a response out of memory to a poll parked for its full wait. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** HTTP request metrics by route template; never by id or requested path. */
@Injectable()
export class HttpMetrics {
  private readonly durations: SeriesHistogram;

  constructor(registry: MetricsRegistry) {
    this.durations = new SeriesHistogram({
      name: 'crucible_http_request_duration_seconds',
      help: 'From the headers of a request to the end of its response',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  record(served: ServedRequest): void {
    const { request, duration } = served;
    const series = this.durations.series(
      methodOf(request),
      routeOf(request) ?? 'none',
      statusOf(served) ?? 'gone',
    );
    series.observe(duration / 1000);
  }
}
