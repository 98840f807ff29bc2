import { type Html, html, type Part } from './html.js';

export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly cell: (row: Row) => Part;
}

export interface Table<Row> {
  /** What the table is, for those who do not see what it stands under. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** What is shown when there are no rows. */
  readonly empty: Part;
}

/**
 * A table. On a narrow screen each row becomes a card, which takes the meaning of rows and cells from the elements: the
 * roles give it back.
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

/** The state as a word, with a mark that differs in shape and not in colour alone. */
export function badge(state: string): Html {
  return html`<span class="badge ${state}"><span class="mark" aria-hidden="true"></span>${state}</span>`;
}

/** A box with a heading of its own. */
export function card(title: string, content: Part, aside?: Part): Html {
  return html`<section class="card" aria-label="${title}">
    <header class="card-head">
      <h2>${title}</h2>
      ${aside}
    </header>
    ${content}
  </section>`;
}

/** Says what is missing, and what to do about it. */
export function emptyState(title: string, advice: Part): Html {
  return html`<p class="empty-title">${title}</p>
    <p>${advice}</p>`;
}

/** Something that is true of a thing: a name and its value. */
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

/** In characters: what is no longer stays on one line in a table. */
const SHORT = 24;

function shortness(text: string): string {
  return text.length <= SHORT ? 'short' : '';
}

export function taskLink(id: string): Html {
  return html`<a class="id ${shortness(id)}" href="/dashboard/tasks/${encodeURIComponent(id)}">${id}</a>`;
}

/** Something that others have written: kept apart from the page, whatever direction it is written in. */
export function foreign(text: string): Html {
  return html`<bdi class="${shortness(text)}">${text}</bdi>`;
}

const NONE = html`<span class="none" aria-label="none">–</span>`;

/** The value, or a dash. */
export function orNone(value: Part): Part {
  return value === undefined || value === null || value === false || value === '' ? NONE : value;
}
