import { Injectable } from '@nestjs/common';
import { Timeline, type TimelinePoint } from '../../metrics/timeline.js';
import { chart } from '../parts/chart.js';
import { type Html, html } from '../parts/html.js';

const STEP_SECONDS = 20;
const LENGTH_SECONDS = 600;

/** Charts of this process's last ten minutes, without the current, incomplete step. */
@Injectable()
export class TimelinePart {
  constructor(private readonly timeline: Timeline) {}

  render(): Html {
    const points = this.timeline.read(STEP_SECONDS, LENGTH_SECONDS).slice(0, -1);
    const times = points.map(({ at }) => at);
    const rate = (name: 'enqueued' | 'completed' | 'failed' | 'retried' | 'lost') =>
      points.map((point) => point[name] / STEP_SECONDS);
    const lengths = (name: 'wait' | 'run') =>
      (['p50', 'p95', 'p99'] as const).map((part) => ({
        name: part,
        values: points.map((point) => of(point, name)?.[part] ?? null),
      }));
    return html`<div class="charts">
      ${chart({
        title: 'Throughput',
        unit: '/s',
        times,
        lines: [
          { name: 'enqueued', values: rate('enqueued') },
          { name: 'completed', values: rate('completed') },
        ],
      })}
      ${chart({
        title: 'Failures',
        unit: '/s',
        times,
        lines: [
          { name: 'failed', values: rate('failed') },
          { name: 'retried', values: rate('retried') },
          { name: 'lost leases', values: rate('lost') },
        ],
      })}
      ${chart({ title: 'Wait time', unit: ' s', times, lines: lengths('wait') })}
      ${chart({ title: 'Run time', unit: ' s', times, lines: lengths('run') })}
    </div>`;
  }
}

function of(point: TimelinePoint, name: 'wait' | 'run') {
  return point[name];
}
