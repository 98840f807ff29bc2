import { allowedValues } from './allowed-values.js';
import { Config } from './config.js';
import { settingsOf } from './setting.decorator.js';
import type { Setting } from './setting.decorator.js';

const INTRODUCTION = `# Configuration

<!-- Written by scripts/write-configuration.mjs from src/config/config.ts: change that, then run it again. -->

Every setting is an environment variable. A variable that is absent or set to nothing has its default. A value that is
not allowed stops the start, with one line for each such variable; variables that are not in this table are ignored.
Numbers are written in digits. Values of secrets are never shown in messages or logs.
`;

/** The text of `docs/configuration.md`. */
export function configurationDocument(): string {
  const defaults = new Config();
  const rows = settingsOf(Config.prototype).map((setting) => row(setting, textOf(defaults, setting.name)));
  const head = ['| Name | Default | Allowed | What it does |', '| --- | --- | --- | --- |'];
  return `${INTRODUCTION}\n${[...head, ...rows].join('\n')}\n`;
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
