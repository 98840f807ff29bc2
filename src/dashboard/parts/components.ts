import { type Html, html, type Part } from './html.js';

export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** The row's name: the heading of its card on a narrow screen. */
  readonly isMain?: boolean;
  /** Text of any length, which gets a line of its own on a narrow screen. */
  readonly isLong?: boolean;
  readonly cell: (row: Row) => Part;
}

/** Checkboxes at the rows, which belong to a form elsewhere on the page. */
export interface Selection<Row> {
  readonly form: string;
  readonly name: string;
  readonly value: (row: Row) => string;
}

export interface Table<Row> {
  /** Describes the table to users of screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Shown when there are no rows. */
  readonly empty: Part;
  readonly select?: Selection<Row>;
}

/**
 * A table. On a narrow screen each row becomes a card, which removes the elements' table semantics; the roles restore
 * them.
 */
export function table<Row>({ caption, columns, rows, empty, select }: Table<Row>): Html {
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`;
  return html`<div class="table">
    <table role="table">
      <caption class="unseen">
        ${caption}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${select && selectAll(select)}
          ${columns.map(
            (column) =>
              html`<th role="columnheader" scope="col" class="${classOf(column)}">${column.title}</th>`,
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          (row) =>
            html`<tr role="row">
              ${select && selectOne(select, row)} ${columns.map((column) => cellOf(column, row))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function cellOf<Row>(column: Column<Row>, row: Row): Html {
  return html`<td role="cell" data-title="${column.title}" class="${classOf(column)}">
    <span class="value">${column.cell(row)}</span>
  </td>`;
}

function classOf<Row>({ isNumber, isMain, isLong }: Column<Row>): string {
  return [isNumber === true && 'number', isMain === true && 'main', isLong === true && 'long']
    .filter((name) => name !== false)
    .join(' ');
}

function selectAll<Row>({ form }: Selection<Row>): Html {
  return html`<th role="columnheader" scope="col" class="select">
    <input type="checkbox" data-select-all="${form}" aria-label="Select all on this page" />
  </th>`;
}

function selectOne<Row>({ form, name, value }: Selection<Row>, row: Row): Html {
  const text = value(row);
  return html`<td role="cell" class="select">
    <input type="checkbox" form="${form}" name="${name}" value="${text}" aria-label="Select ${text}" />
  </td>`;
}

/** The state as a word, with a mark whose shape differs per state. */
export function badge(state: string): Html {
  return html`<span class="badge ${state}"><span class="mark" aria-hidden="true"></span>${state}</span>`;
}

/** A box with its own heading. */
export function card(title: string, content: Part, aside?: Part): Html {
  return html`<section class="card" aria-label="${title}">
    <header class="card-head">
      <h2>${title}</h2>
      ${aside}
    </header>
    ${content}
  </section>`;
}

/** Says what is missing and what to do about it. */
export function emptyState(title: string, advice: Part): Html {
  return html`<p class="empty-title">${title}</p>
    <p>${advice}</p>`;
}

/** A list of names and values. */
export function facts(pairs: readonly (readonly [name: string, value: Part])[]): Html {
  return html`<dl class="facts">
    ${pairs.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

export function taskLink(id: string): Html {
  return html`<a class="id" href="/dashboard/tasks/${encodeURIComponent(id)}">${id}</a>`;
}

/** Text from clients, isolated so that its writing direction cannot affect the page. */
export function foreign(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

const NONE = html`<span class="none" aria-label="none">–</span>`;

/** The value, or a dash. */
export function orNone(value: Part): Part {
  return value === undefined || value === null || value === false || value === '' ? NONE : value;
}
