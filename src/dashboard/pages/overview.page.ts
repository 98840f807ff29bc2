import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { mayUseQueue } from '../../auth/principal.js';
import { SettingsCache } from '../../queue/settings-cache.js';
import { StatusService } from '../../queue/status.service.js';
import type { Page } from '../page-sender.js';
import { card } from '../parts/components.js';
import { type Html, html } from '../parts/html.js';
import { tiles } from '../parts/tiles.js';
import { TimelinePart } from './timeline-part.js';
import { QUEUES_SHOWN, queueTable } from './queues.page.js';

/** A summary of the service's state. */
@Injectable()
export class OverviewPage {
  constructor(
    private readonly status: StatusService,
    private readonly settings: SettingsCache,
    private readonly timeline: TimelinePart,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Overview',
      section: '/dashboard',
      top: html`<h1>Overview</h1>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const isVisible = (queue: string) => mayUseQueue(principal, queue);
    const { totals, queues, more } = await this.status.extract(isVisible, QUEUES_SHOWN);
    const rows = queues.map((each) => ({ ...each, settings: this.settings.of(each.queue) }));
    return html`${tiles(totals)} ${principal.queues.includes('*') && this.timeline.render()}
    ${card('Queues', queueTable(rows, { more }))}`;
  }
}
