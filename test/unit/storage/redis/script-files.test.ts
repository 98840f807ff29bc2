import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../../src/storage/redis/scripts');

const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));

describe('every script', () => {
  it.each(files)('says what it is called with: $name', ({ text }) => {
    const [header = '', body = ''] = text.split(' ]]\n', 2);
    expect(header).toMatch(/^--\[\[ \S/);
    for (const name of ['KEYS', 'ARGV']) {
      if (new RegExp(`\\b${name}\\b`).test(body)) expect(header).toMatch(new RegExp(`^${name}\\b`, 'm'));
    }
  });

  it.each(files)('never looks into a payload: $name', ({ text }) => {
    expect(text).not.toMatch(/\bcjson\b|\bcmsgpack\b/);
  });
});
