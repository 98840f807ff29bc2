import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { requireVisible } from '../../queue/queue-access.js';
import { QueueService } from '../../queue/queue.service.js';
import { Clock } from '../../task/clock.js';
import type { Page } from '../page-sender.js';
import { type Html, html } from '../parts/html.js';
import { type TaskPane, type TaskSight } from './task/task-pane.js';
import { TaskPanes } from './task/task-panes.js';

/** All details of one task, put together from panes. */
@Injectable()
export class TaskPage {
  constructor(
    private readonly queue: QueueService,
    private readonly panes: TaskPanes,
    private readonly clock: Clock,
  ) {}

  /** @throws TaskNotFound */
  async page(principal: Principal, id: string, origin: string): Promise<Page> {
    const sight = await this.sightOf(principal, id, origin);
    return {
      title: id,
      section: '/dashboard/tasks',
      top: html`<p class="crumbs"><a href="/dashboard/tasks">Tasks</a></p>
        <h1 class="id">${id}</h1>`,
      live: async () => rendered(this.panes.live, await this.sightOf(principal, id)),
      bottom: await rendered(this.panes.still, sight),
      taskId: id,
      // Heartbeats report progress; they are no transitions.
      isRestless: async () => (await this.queue.find(id)).state === 'processing',
    };
  }

  private async sightOf(principal: Principal, id: string, origin = ''): Promise<TaskSight> {
    const placed = await this.queue.place(requireVisible(principal, await this.queue.find(id)));
    // The task may have been deleted meanwhile and its id reused in another queue.
    requireVisible(principal, placed.task);
    return { ...placed, principal, now: this.clock.now().wall, origin };
  }
}

async function rendered(panes: readonly TaskPane[], sight: TaskSight): Promise<Html> {
  return html`${await Promise.all(panes.map(async (pane) => pane.render(sight)))}`;
}
