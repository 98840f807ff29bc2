/** Compares the table of docs/lifecycle.md with the machine, both ways. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { stories } from './history.arbitrary.js';
import { type Entry, History } from './history.runner.js';

const DOCUMENT = new URL('../../../docs/lifecycle.md', import.meta.url);
const HEADER = ['from', 'command', 'condition', 'to', 'event'];

/** The cells of each row below the header, without the condition, which is for people. */
function documentedTransitions(): string[] {
  const lines = readFileSync(DOCUMENT, 'utf8').split('\n').map(cellsOf);
  const header = lines.findIndex((cells) => cells.join() === HEADER.join());
  if (header === -1) throw new Error('docs/lifecycle.md has no table of transitions');
  const rest = lines.slice(header + 2);
  const length = rest.findIndex((cells) => cells.length !== HEADER.length);
  return rest.slice(0, length).map(([from, command, , to, event]) => [from, command, to, event].join(' | '));
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function observed({ before, command, after, event }: Entry): string {
  return [before?.state ?? 'new', command, after.state, event].join(' | ');
}

function transitionsOf(numRuns: number, seed?: number): string[] {
  const seen = new Set<string>();
  for (const story of fc.sample(stories, { numRuns, seed })) {
    for (const entry of new History(story).play(() => undefined).entries) seen.add(observed(entry));
  }
  return [...seen].sort();
}

describe('the table of transitions in docs/lifecycle.md', () => {
  const documented = documentedTransitions();

  it('has every row once', () => {
    expect(documented.length).toBeGreaterThan(20);
    expect(new Set(documented).size).toBe(documented.length);
  });

  it('has every transition that the machine makes, and no other', () => {
    // A fixed seed, because rare rows could be missing in a small sample; the next test uses new ones each time.
    expect(transitionsOf(12_000, 2026)).toEqual([...documented].sort());
  });

  it('has every transition of histories never seen before', () => {
    expect(documented).toEqual(expect.arrayContaining(transitionsOf(1_000)));
  });
});
