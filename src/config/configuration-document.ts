import { allowedValues } from './allowed-values.js';
import { Config } from './config.js';
import { settingsOf } from './setting.decorator.js';
import type { Setting } from './setting.decorator.js';

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/config.ts: change that, then run npm run docs. -->

Every setting is an environment variable. An unset variable has its default, and so has an empty one, unless its meaning says
otherwise. A bad value stops the service at startup, with one line per variable. The service ignores other variables. Write
numbers in digits. Logs and messages never show secrets.
`;

const ADVANCED = `## Advanced settings

The defaults fit most installations. Change a setting when you reach its limit.
`;

const DEPRECATED = `## Deprecated settings

These settings still work. The next version ignores these variables and uses the defaults. The service logs a warning at
startup for each one that you set.
`;

const HEAD = ['| Name | Default | Allowed | Meaning |', '| --- | --- | --- | --- |'];

/** The text of `docs/configuration.md`. */
export function configurationDocument(): string {
  const settings = settingsOf(Config.prototype);
  const deprecated = settings.filter(({ isDeprecated }) => isDeprecated === true);
  const advanced = settings.filter(({ isAdvanced }) => isAdvanced === true);
  const basic = settings.filter((setting) => !deprecated.includes(setting) && !advanced.includes(setting));
  const parts = [INTRODUCTION, '## Basic settings\n', table(basic), ADVANCED, table(advanced)];
  return [...parts, DEPRECATED, table(deprecated)].join('\n');
}

function table(settings: readonly Setting[]): string {
  const defaults = new Config();
  const rows = settings.map((setting) => row(setting, textOf(defaults, setting.name)));
  return `${[...HEAD, ...rows].join('\n')}\n`;
}

function row(setting: Setting, value: string | undefined): string {
  const name = setting.isSecret ? `\`${setting.name}\` (secret)` : `\`${setting.name}\``;
  const byDefault = setting.byDefault ?? (value === undefined ? 'none' : `\`${value}\``);
  const cells = [name, byDefault, allowedValues(Config, setting), setting.does];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function textOf(defaults: Config, name: string): string | undefined {
  const value: unknown = Reflect.get(defaults, name);
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
