import type { Instant } from '../../task/clock.js';
import { table } from './components.js';
import { moment, number } from './format.js';
import { type Html, html } from './html.js';

export interface Chart {
  readonly title: string;
  /** Follows each number: `/s`, ` s`. */
  readonly unit: string;
  /** At most three lines, each with one number per time. `null` is a gap. */
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
  readonly times: readonly Instant[];
}

const NOTHING = html`<p class="chart empty">No data in this period.</p>`;

/** A chart of numbers over time, plus the same numbers as a table. Lines differ in dashes, not only in color. */
export function chart(parts: Chart): Html {
  const { title, unit, lines, times } = parts;
  const data = {
    labels: lines.map(({ name }) => name),
    unit,
    times: times.map((time) => Math.round(time / 1000)),
    series: lines.map(({ values }) => values.map(rounded)),
  };
  const isEmpty = lines.every(({ values }) => values.every((value) => value === null));
  const plot = html`<div
    class="chart"
    role="img"
    aria-label="${title}: chart of the table below"
    data-chart="${JSON.stringify(data)}"
    hx-morph-skip-children
  ></div>`;
  return html`<section class="card" aria-label="${title}">
    <header class="card-head">
      <h2>${title}</h2>
      <p class="legend">
        ${lines.map(({ name }, index) => html`<span class="line-${index + 1}"><i aria-hidden="true"></i>${name}</span>`)}
      </p>
    </header>
    <p class="readout hint" aria-hidden="true"></p>
    ${isEmpty ? NOTHING : plot}
    <details class="numbers">
      <summary>Numbers</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="${title} as a table">${numbers(parts)}</div>
    </details>
  </section>`;
}

function numbers({ title, unit, lines, times }: Chart): Html {
  const rows = times.map((time, index) => ({ time, index })).toReversed();
  return table({
    caption: title,
    columns: [
      { title: 'From', isMain: true, cell: ({ time }) => moment(time) },
      ...lines.map(({ name, values }) => ({
        title: name,
        isNumber: true,
        cell: ({ index }: { index: number }) => {
          const value = values[index];
          return value === null || value === undefined ? '–' : `${number(rounded(value) ?? 0)}${unit}`;
        },
      })),
    ],
    rows,
    empty: 'No data yet',
  });
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(3));
}
