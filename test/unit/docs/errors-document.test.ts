import { readFileSync } from 'node:fs';
import { errorsTable } from '../../../src/docs/errors-document.js';

describe('docs/errors.md', () => {
  it('has the table of src/docs/errors-document.ts: copy it from here when it has changed', () => {
    const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const [, table = ''] = text.split('## Every code');
    expect(cellsOf(table)).toEqual(cellsOf(errorsTable()));
  });
});

/** The rows without the blanks that prettier puts in. */
function cellsOf(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| ---'));
  return rows.map((row) => row.split('|').map((cell) => cell.trim()));
}
