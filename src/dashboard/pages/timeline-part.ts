import { Injectable } from '@nestjs/common';
import { History } from '../../metrics/history.js';
import { Timeline } from '../../metrics/timeline.js';
import type { TimelinePoint } from '../../metrics/timeline-slot.js';
import { chart } from '../parts/chart.js';
import { type Html, html } from '../parts/html.js';

/** The periods of the charts, in seconds. */
const PERIODS = {
  '10m': { title: '10 min', length: 600, step: 60 },
  '1h': { title: '1 h', length: 3600, step: 60 },
  '6h': { title: '6 h', length: 6 * 3600, step: 600 },
  '24h': { title: '24 h', length: 24 * 3600, step: 1800 },
} as const;

export type Period = keyof typeof PERIODS;

/** The steps of the last ten minutes of this process. */
const FINE_STEP = 20;

/** The period that the address asks for. */
export function periodIn(query: URLSearchParams): Period {
  const text = query.get('period') ?? '';
  return Object.hasOwn(PERIODS, text) ? (text as Period) : '10m';
}

/** Charts of all queues or of one. The current step is left out, because it is incomplete. */
@Injectable()
export class TimelinePart {
  constructor(
    private readonly timeline: Timeline,
    private readonly history: History,
  ) {}

  async render(period: Period, queue?: string): Promise<Html> {
    const { points, step } = await this.pointsOf(period, queue);
    const times = points.map(({ at }) => at);
    const rate = (name: 'enqueued' | 'completed' | 'failed' | 'retried' | 'lost') =>
      points.map((point) => point[name] / step);
    const lengths = (name: 'wait' | 'run') =>
      (['p50', 'p95', 'p99'] as const).map((part) => ({
        name: part,
        values: points.map((point) => point[name]?.[part] ?? null),
      }));
    return html`${tabs(period)}
      <div class="charts">
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

  private async pointsOf(
    period: Period,
    queue: string | undefined,
  ): Promise<{ readonly points: readonly TimelinePoint[]; readonly step: number }> {
    const { length, step } = PERIODS[period];
    // The newest minutes in fine steps exist for this process and all queues together only.
    if (period === '10m' && queue === undefined)
      return { points: this.timeline.read(FINE_STEP, length).slice(0, -1), step: FINE_STEP };
    return { points: (await this.history.read({ step, length, queue })).slice(0, -1), step };
  }
}

function tabs(period: Period): Html {
  return html`<nav class="tabs" aria-label="Time span of the charts">
    ${(Object.keys(PERIODS) as Period[]).map(
      (one) =>
        html`<a href="?period=${one}" aria-current="${one === period ? 'true' : 'false'}"
          >${PERIODS[one].title}</a
        >`,
    )}
  </nav>`;
}
