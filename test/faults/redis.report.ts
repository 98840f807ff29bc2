import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScenarioReport } from './redis.campaign.js';

/** More would hide the first. */
const SHOWN = 12;

export function isKept(report: ScenarioReport): boolean {
  return describeFailures(report).length + describeDelays(report).length === 0;
}

/** What was wrong on whatever machine, for people. */
export function describeFailures({ verdict, complaints }: ScenarioReport): string[] {
  const violations = verdict.violations.map(({ rule, detail }) => `VIOLATION ${rule}: ${detail}`);
  return shorten([...verdict.invalid.map((reason) => `INVALID: ${reason}`), ...violations, ...complaints]);
}

/** What came too late. */
export function describeDelays({ late }: ScenarioReport): string[] {
  return shorten(late.map((text) => `LATE ${text}`));
}

function shorten(lines: readonly string[]): string[] {
  const more = lines.length > SHOWN ? [`… and ${lines.length - SHOWN} more`] : [];
  return [...lines.slice(0, SHOWN), ...more].map((line) => `  ${line}`);
}

/** Writes down all that clients did, a line each, and answers where: for whoever looks for the reason. */
export function keepHistory({ scenario, history }: ScenarioReport, seed: number): string {
  const path = join(tmpdir(), `crucible-history-${scenario.name}-${seed}.ndjson`);
  const lines = [...history.faults, ...history.operations].map((each) => JSON.stringify(each));
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** One line. */
export function describeReport(report: ScenarioReport): string {
  const { scenario, history, verdict, complaints, late, rounds, inVain, backMs } = report;
  const { figures, violations } = verdict;
  const twice = violations.filter(({ rule }) => rule === 'INV-04').length;
  const sorted = [...backMs].sort((a, b) => a - b).map((ms) => (ms / 1000).toFixed(2));
  const median = sorted[Math.floor(sorted.length / 2)] ?? '-';
  return [
    `${scenario.name}: ${rounds} rounds, ${history.operations.length} operations, ${inVain} in vain`,
    `${figures.acknowledged} tasks acknowledged, ${figures.lost} lost, ${twice} delivered twice`,
    `${figures.undone} completions undone, ${violations.length} violations, ${complaints.length} complaints, ${late.length} late`,
    `back in ${median} s (median), ${sorted.at(-1) ?? '-'} s (longest)`,
    `${isKept(report) ? 'held' : 'BROKE'} "${scenario.column}"`,
  ].join('; ');
}
