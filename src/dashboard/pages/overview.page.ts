import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { mayUseQueue } from '../../auth/principal.js';
import { SettingsCache } from '../../queue/settings-cache.js';
import { StatusService } from '../../queue/status.service.js';
import type { Page } from '../page-sender.js';
import { QueueHolds } from '../queue-holds.js';
import { card } from '../parts/components.js';
import { type Html, html } from '../parts/html.js';
import { tiles } from '../parts/tiles.js';
import { type Period, TimelinePart } from './timeline-part.js';
import { QUEUES_SHOWN, queueTable } from './queues.page.js';

/** A summary of the service's state. */
@Injectable()
export class OverviewPage {
  constructor(
    private readonly status: StatusService,
    private readonly settings: SettingsCache,
    private readonly timeline: TimelinePart,
    private readonly holds: QueueHolds,
  ) {}

  page(principal: Principal, period: Period): Page {
    return {
      title: 'Overview',
      section: '/dashboard',
      top: html`<h1>Overview</h1>`,
      live: () => this.render(principal, period),
    };
  }

  private async render(principal: Principal, period: Period): Promise<Html> {
    const isVisible = (queue: string) => mayUseQueue(principal, queue);
    const { totals, queues, more } = await this.status.extract(isVisible, QUEUES_SHOWN);
    const rows = queues.map((each) => ({ ...each, settings: this.settings.of(each.queue) }));
    const holds = await this.holds.of(rows);
    const shown = rows
      .map((row) => ({ ...row, holds: holds.get(row.queue) }))
      .toSorted((one, other) => (other.oldest_queued_age ?? -1) - (one.oldest_queued_age ?? -1));
    return html`${tiles(totals)} ${principal.queues.includes('*') && (await this.timeline.render(period))}
    ${card('Queues, longest wait first', queueTable(shown, { more }))}`;
  }
}
