import { once } from 'node:events';
import type { Writable } from 'node:stream';

export const FORMATS = ['table', 'json', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

/** Columns of a row by heading. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => unknown>>;

const ROWS_AT_A_TIME = 100;
const COLORS: Readonly<Record<string, number>> = {
  completed: 32,
  processing: 36,
  failed: 31,
  lost: 31,
  expired: 33,
  cancelled: 33,
  delayed: 90,
};

/** Prints data for people on a terminal, and for programs elsewhere. */
export class Printer {
  constructor(
    private readonly stream: Writable,
    private readonly options: { readonly format: Format; readonly hasColors: boolean },
  ) {}

  /** Prints rows as they arrive: a table, a JSON array, or JSON lines. */
  async rows<Row extends object>(
    columns: Columns<Row>,
    rows: Iterable<Row> | AsyncIterable<Row>,
  ): Promise<void> {
    if (this.options.format === 'table') return this.table(columns, rows);
    if (this.options.format === 'ndjson') {
      for await (const row of rows) await this.foreign(`${JSON.stringify(row)}\n`);
      return;
    }
    const all: Row[] = [];
    for await (const row of rows) all.push(row);
    await this.foreign(`${JSON.stringify(all, undefined, 2)}\n`);
  }

  /** Prints one object: one field per line, or JSON. */
  async record(record: object): Promise<void> {
    if (this.options.format === 'ndjson') return this.foreign(`${JSON.stringify(record)}\n`);
    if (this.options.format === 'json') return this.foreign(`${JSON.stringify(record, undefined, 2)}\n`);
    const shown = Object.entries(record).filter(([, value]) => value !== null && value !== undefined);
    const width = Math.max(0, ...shown.map(([name]) => name.length));
    const lines = shown.map(([name, value]) => `${name.padEnd(width)}  ${this.colored(textOf(value))}\n`);
    await this.text(lines.join(''));
  }

  /** Prints text that a task may have produced: escaped on a terminal, unchanged elsewhere. */
  async foreign(text: string): Promise<void> {
    await this.text((this.stream as Partial<NodeJS.WriteStream>).isTTY ? visible(text) : text);
  }

  /** Resolves when the stream accepts more data. */
  async text(text: string): Promise<void> {
    if (!this.stream.write(text)) await once(this.stream, 'drain');
  }

  private async table<Row>(columns: Columns<Row>, rows: Iterable<Row> | AsyncIterable<Row>): Promise<void> {
    let part: string[][] = [Object.keys(columns)];
    const widths: number[] = [];
    const flush = async (): Promise<void> => {
      for (const line of part)
        for (const [index, cell] of line.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
      await this.text(part.map((line) => this.line(line, widths)).join(''));
      part = [];
    };
    for await (const row of rows) {
      part.push(Object.values(columns).map((read) => textOf(read(row))));
      if (part.length > ROWS_AT_A_TIME) await flush();
    }
    await flush();
  }

  private line(cells: readonly string[], widths: readonly number[]): string {
    const last = cells.length - 1;
    const padded = cells.map((cell, index) => {
      const padding = index === last ? '' : ' '.repeat((widths[index] ?? 0) - cell.length);
      return this.colored(cell) + padding;
    });
    return `${padded.join('  ')}\n`;
  }

  private colored(cell: string): string {
    const color = this.options.hasColors ? COLORS[cell] : undefined;
    return color === undefined ? cell : `\u001b[${color}m${cell}\u001b[0m`;
  }
}

/** A value on one line, with control characters escaped. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').replaceAll(BIDI_CONTROLS, '');
}

/** Characters that change the display order of text, and so can make it say something else. */
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Escapes text of a task for a terminal: line breaks and tabs stay, other control characters become their codes. A
 * terminal would obey them and move the cursor, set its title, or answer as if the user had typed.
 */
export function visible(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, codeOf)
    .replaceAll(BIDI_CONTROLS, codeOf);
}

const COLOR = /\u001b\[[0-9;]{0,32}m/g;

/** The same for a log. Colors stay: they change only the look of the text after them. */
export function visibleInColor(text: string): string {
  const colors = text.match(COLOR) ?? [];
  return text
    .split(COLOR)
    .map((part, index) => visible(part) + (colors[index] ?? ''))
    .join('');
}

function codeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
