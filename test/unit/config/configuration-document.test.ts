import { readFileSync } from 'node:fs';
import { Config } from '../../../src/config/config.js';
import { configurationDocument } from '../../../src/config/configuration-document.js';
import { settingsOf } from '../../../src/config/setting.decorator.js';

describe('configurationDocument', () => {
  it('is what docs/configuration.md holds (else run npm run docs)', () => {
    const committed = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(committed).toBe(configurationDocument());
  });

  it('has a row for every setting, with what is allowed', () => {
    const rows = configurationDocument()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const names = settingsOf(Config.prototype).map(({ name }) => name);
    expect(rows.map((row) => /`(\w+)`/.exec(row)?.[1]).sort()).toEqual(names.sort());
    expect(rows.filter((row) => row.includes('undefined'))).toEqual([]);
  });

  it('marks the secrets', () => {
    expect(configurationDocument().match(/`\w+` \(secret\)/g)).toEqual([
      '`API_KEY` (secret)',
      '`REDIS_URL` (secret)',
      '`WEBHOOK_URL` (secret)',
      '`WEBHOOK_SECRET` (secret)',
      '`REDIS_SENTINEL_PASSWORD` (secret)',
    ]);
  });
});
