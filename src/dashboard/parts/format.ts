import type { Instant } from '../../task/clock.js';
import { type Html, html } from './html.js';
import { summaryOf } from '../../task/error-summary.js';
import { plainText } from './terminal-runs.js';

const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** 12,345.6 */
export function number(value: number): string {
  return NUMBER.format(value);
}

/** A size in readable units: 512 B, 1.5 KiB, 2 GiB. */
export function byteSize(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 1024 && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${number(Math.round(size * 10) / 10)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** A duration in readable units: 850 ms, 12.3 s, 4 min 10 s, 3 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${number(Math.round(seconds * 10) / 10)} s`;
  return coarse(Math.round(seconds));
}

function coarse(seconds: number): string {
  for (const [index, [unit, size]] of UNITS.entries()) {
    if (seconds < size) continue;
    const [nextUnit, nextSize] = UNITS[index + 1] ?? (['s', 1] as const);
    const rest = Math.floor((seconds % size) / nextSize);
    return `${number(Math.floor(seconds / size))} ${unit}${rest === 0 ? '' : ` ${rest} ${nextUnit}`}`;
  }
  return `${seconds} s`;
}

/** A past or future time in one unit; the title has the exact time. */
export function ago(instant: Instant, now: Instant): Html {
  const seconds = Math.round(Math.abs(now - instant) / 1000);
  const text = seconds < 2 ? 'now' : instant <= now ? `${short(seconds)} ago` : `in ${short(seconds)}`;
  return html`<time datetime="${iso(instant)}" title="${exact(instant)}">${text}</time>`;
}

/** 2026-11-24 04:02:39.962 UTC */
export function moment(instant: Instant): Html {
  return html`<time class="moment" datetime="${iso(instant)}">${exact(instant)}</time>`;
}

function short(seconds: number): string {
  for (const [unit, size] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${seconds} s`;
}

function iso(instant: Instant): string {
  return new Date(instant).toISOString();
}

function exact(instant: Instant): string {
  return iso(instant).replace('T', ' ').replace('Z', ' UTC');
}

/** The first line, cut to `length` characters. */
export function excerpt(text: string, length: number): string {
  const line = text.trim().split(/[\r\n]/, 1)[0] ?? '';
  return line.length > length ? `${line.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : line;
}

/** The error's summary on one line, cut to `length` characters. */
export function errorLine(error: string, length: number): string {
  return excerpt(summaryOf(plainText(error)), length);
}

export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`;
}
