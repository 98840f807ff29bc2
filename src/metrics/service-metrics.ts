import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge } from 'prom-client';
import { Config } from '../config/config.js';
import { TaskEvents } from '../events/task-events.js';
import { Parking } from '../runtime/parking.js';
import { VERSION } from '../version.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Values that parts of the service maintain anyway, read on each scrape. */
@Injectable()
export class ServiceMetrics {
  constructor(
    private readonly registry: MetricsRegistry,
    events: TaskEvents,
    parking: Parking,
    config: Config,
  ) {
    this.gauge('parked_polls', 'Parked polls, and parked reads for an end', () => parking.size);
    this.gauge('parked_polls_limit', 'Limit of parked polls', () => config.MAX_PARKED_POLLS);
    this.gauge('events_buffered', 'Events in the buffer', () => events.waiting);
    this.gauge('events_connected', '1 while events are published, else 0', () =>
      events.status === 'connected' ? 1 : 0,
    );
    this.counter('events_published_total', 'Events that Redis has accepted', () => events.counters.published);
    this.counter(
      'events_lost_total',
      'Events dropped because Redis was unavailable or the buffer full',
      () => events.counters.lost,
    );
    this.showVersion();
  }

  /** Adds the process metrics of prom-client. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  private showVersion(): void {
    new Gauge({
      name: 'crucible_build_info',
      help: 'Always 1; the version is in the label',
      labelNames: ['version'],
      registers: [this.registry],
    }).set({ version: VERSION }, 1);
  }

  private gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `crucible_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  private counter(name: string, help: string, read: () => number): void {
    new Counter({
      name: `crucible_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}
