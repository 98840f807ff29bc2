import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { type BulkAction, BulkActions, type BulkOrder } from '../bulk-actions.js';
import type { Page } from '../page-sender.js';
import { confirmation } from '../parts/confirmation.js';
import { plural } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { describeFilters, queryOf } from '../task-filters.js';

const WORDS: Readonly<Record<BulkAction, { readonly title: string; readonly effect: string }>> = {
  cancel: {
    title: 'Cancel tasks',
    effect: 'The tasks end at once. Workers that hold them lose their leases.',
  },
  redrive: {
    title: 'Redrive tasks',
    effect: 'The tasks are queued again in their old places, with fresh budgets.',
  },
};

/**
 * Confirmation page of a bulk action: shows how many tasks it would change, and requires the operator to type the
 * number.
 */
@Injectable()
export class BulkPage {
  constructor(private readonly bulk: BulkActions) {}

  /** @param isMistyped whether the operator typed another number before */
  async page(principal: Principal, order: BulkOrder, isMistyped = false): Promise<Page> {
    const count = await this.bulk.count(principal, order);
    const { title } = WORDS[order.action];
    return {
      title,
      section: '/dashboard/tasks',
      top: html`<p class="crumbs">
          <a href="/dashboard/tasks?${queryOf(order.filters).toString()}">Tasks</a>
        </p>
        <h1>${title}</h1>
        ${count === 0 ? nothing(order) : form(order, count, isMistyped)}`,
    };
  }
}

function nothing({ action, filters }: BulkOrder): Html {
  return html`<div class="empty">
    <p class="empty-title">Nothing to ${action}</p>
    <p>No matching task ${describeFilters(filters)}.</p>
  </div>`;
}

function form({ action, filters, at }: BulkOrder, count: number, isMistyped: boolean): Html {
  return confirmation({
    action: '/dashboard/tasks/bulk',
    hidden: [...queryOf(filters), ['action', action], ['at', String(at)], ['count', String(count)]],
    headline: html`<b>${plural(count, 'task')}</b> ${describeFilters(filters)}`,
    effect: WORDS[action].effect,
    count,
    isMistyped,
    button: WORDS[action].title,
    isDangerous: action === 'cancel',
    back: `/dashboard/tasks?${queryOf(filters).toString()}`,
  });
}
