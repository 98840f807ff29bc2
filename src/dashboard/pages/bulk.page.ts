import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { Clock, type Instant } from '../../task/clock.js';
import { type BulkAction, BulkActions, type BulkOrder, type BulkPreview } from '../bulk-actions.js';
import type { Page } from '../page-sender.js';
import { badge, card, table } from '../parts/components.js';
import { confirmation } from '../parts/confirmation.js';
import { priorityField } from '../parts/priority-field.js';
import { number, plural } from '../parts/format.js';
import { type Html, html, type Part } from '../parts/html.js';
import { taskColumns } from '../parts/task-columns.js';
import { describeFilters, queryOf } from '../task-filters.js';

interface Words {
  readonly title: string;
  readonly effect: string;
  readonly isDangerous?: boolean;
}

const WORDS: Readonly<Record<BulkAction, Words>> = {
  cancel: {
    title: 'Cancel tasks',
    effect: 'The tasks end at once. Workers that hold them lose their leases.',
    isDangerous: true,
  },
  redrive: {
    title: 'Redrive tasks',
    effect: 'The tasks are queued again in their old places, with fresh budgets.',
  },
  prioritize: {
    title: 'Change the priority of tasks',
    effect: 'The tasks move to their places by age among those with the new priority.',
  },
  release: {
    title: 'Release tasks',
    effect:
      'Workers lose their leases, and the tasks are queued again in their old places. No budget is spent.',
    isDangerous: true,
  },
  delete: {
    title: 'Delete tasks',
    effect: 'This removes the tasks with their attempts and outputs. You cannot undo it.',
    isDangerous: true,
  },
};

/** The preview of a bulk action: what it would change, and the form that carries it out. */
@Injectable()
export class BulkPage {
  constructor(
    private readonly bulk: BulkActions,
    private readonly clock: Clock,
  ) {}

  /**
   * All tasks that match filters; the operator must type their number.
   *
   * @param isMistyped whether the operator typed another number before
   */
  async page(principal: Principal, order: BulkOrder, isMistyped = false): Promise<Page> {
    const { action, filters, at } = order;
    const preview = await this.bulk.preview(principal, order);
    const query = queryOf(filters);
    const hidden: (readonly [string, string])[] = [
      ...query,
      ['action', action],
      ['at', String(at)],
      ['count', String(preview.count)],
    ];
    const back = `/dashboard/tasks?${query.toString()}`;
    const scope = describeFilters(filters);
    const field = fieldOf(order);
    return this.pageOf(action, preview, { hidden, back, scope, field, isTyped: true, isMistyped });
  }

  /** Selected tasks. */
  async selectedPage(
    principal: Principal,
    { action, filters }: Pick<BulkOrder, 'action' | 'filters'>,
    ids: readonly string[],
  ): Promise<Page> {
    const preview = await this.bulk.previewSelected(principal, action, ids);
    const query = queryOf(filters);
    const hidden: (readonly [string, string])[] = [
      ...query,
      ['action', action],
      ...ids.map((id) => ['task', id] as const),
    ];
    const skipped = ids.length - preview.count;
    const scope =
      skipped === 0 ? 'selected' : `selected; ${number(skipped)} cannot change and stay as they are`;
    const back = `/dashboard/tasks?${query.toString()}`;
    const field = fieldOf({ action });
    return this.pageOf(action, preview, { hidden, back, scope, field, isTyped: false, isMistyped: false });
  }

  private pageOf(action: BulkAction, preview: BulkPreview, form: FormParts): Page {
    const { title, effect, isDangerous } = WORDS[action];
    const { count, examples } = preview;
    const content =
      count === 0
        ? nothing(action, form.scope)
        : html`${confirmation({
            ...form,
            action: '/dashboard/bulk',
            headline: html`<b>${plural(count, 'task')}</b> ${form.scope}${statesOf(preview)}`,
            effect,
            count,
            button: title,
            isDangerous,
          })}
          ${card(
            count > examples.length ? `The newest ${number(examples.length)} of them` : 'These tasks',
            table({
              caption: 'Tasks that the action changes',
              columns: taskColumns(this.now),
              rows: examples,
              empty: '',
            }),
          )}`;
    return {
      title,
      section: '/dashboard/tasks',
      top: html`<p class="crumbs"><a href="${form.back}">Tasks</a></p>
        <h1>${title}</h1>
        ${content}`,
    };
  }

  private get now(): Instant {
    return this.clock.now().wall;
  }
}

interface FormParts {
  readonly hidden: readonly (readonly [string, string])[];
  readonly back: string;
  /** Which tasks, in words. */
  readonly scope: string;
  readonly field: Part;
  readonly isTyped: boolean;
  readonly isMistyped: boolean;
}

/** The new priority, higher ones first. */
function fieldOf({ action, priority }: Pick<BulkOrder, 'action' | 'priority'>): Part {
  return action === 'prioritize' && priorityField(priority);
}

function statesOf({ states }: BulkPreview): Part {
  return html`<span class="states"
    >${[...states].map(([state, count]) => html`${badge(state)} ${number(count)} `)}</span
  >`;
}

function nothing(action: BulkAction, scope: string): Html {
  return html`<div class="empty">
    <p class="empty-title">Nothing to ${action}</p>
    <p>No matching task ${scope}.</p>
  </div>`;
}
