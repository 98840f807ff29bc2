import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { MetricsRegistry } from '../metrics/metrics-registry.js';
import { ArtifactSpace } from './artifact-space.js';

/** The space that artifacts take, read on each scrape. */
@Injectable()
export class ArtifactMetrics {
  constructor(registry: MetricsRegistry, space: ArtifactSpace) {
    new Gauge({
      name: 'crucible_artifact_bytes',
      help: 'Bytes of all artifacts, as this process last counted them',
      registers: [registry],
      collect() {
        this.set(space.used);
      },
    });
  }
}
