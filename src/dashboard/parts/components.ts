import { type Html, html, type Part } from './html.js';

export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly cell: (row: Row) => Part;
}

export interface Table<Row> {
  /** Describes the table to users of screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Shown when there are no rows. */
  readonly empty: Part;
}

/**
 * A table. On a narrow screen each row becomes a card, which removes the elements' table semantics; the roles restore
 * them.
 */
export function table<Row>({ caption, columns, rows, empty }: Table<Row>): Html {
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`;
  return html`<table role="table">
    <caption class="unseen">
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          ({ title, isNumber }) =>
            html`<th role="columnheader" scope="col" class="${isNumber === true && 'number'}">${title}</th>`,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row">
            ${columns.map((column) => cellOf(column, row))}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function cellOf<Row>({ title, isNumber, cell }: Column<Row>, row: Row): Html {
  return html`<td role="cell" data-title="${title}" class="${isNumber === true && 'number'}">
    <span class="value">${cell(row)}</span>
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

/** In characters: shorter values stay on one line in a table. */
const SHORT = 24;

function shortness(text: string): string {
  return text.length <= SHORT ? 'short' : '';
}

export function taskLink(id: string): Html {
  return html`<a class="id ${shortness(id)}" href="/dashboard/tasks/${encodeURIComponent(id)}">${id}</a>`;
}

/** Text from clients, isolated so that its writing direction cannot affect the page. */
export function foreign(text: string): Html {
  return html`<bdi class="${shortness(text)}">${text}</bdi>`;
}

const NONE = html`<span class="none" aria-label="none">–</span>`;

/** The value, or a dash. */
export function orNone(value: Part): Part {
  return value === undefined || value === null || value === false || value === '' ? NONE : value;
}
