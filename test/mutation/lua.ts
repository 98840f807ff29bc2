/**
 * `npm run test:mutation:lua -- [--part 1/20] [--since REV] [--known LOG] [--workers 4] [NAME…]`: changes the scripts of
 * the Redis store, all or those named, one thing at a time, and lets the tests of the store look for it; with `--part` it
 * does so with every 20th change only, with `--since` only with lines that are not as they were in a revision of git, and
 * with `--known` it takes over what the output of a run says that was ended before its time. The last line says how many
 * were found; the exit code is 1 below 90 %.
 */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { RedisServer } from '../support/redis-server.js';
import { equivalenceOf } from './equivalent.mutants.js';
import { type Mutant, mutantsOf } from './lua.mutants.js';
import { luaPathsOf } from './lua.paths.js';
import { MutantJudge } from './mutant.judge.js';

const ROOT = process.cwd();
const PATHS = await luaPathsOf(ROOT);
const WANTED_PERCENT = 90;
const SURVIVED = 'SURVIVED';

/** A mutant, and the tests that found it. */
interface Verdict {
  readonly mutant: Mutant;
  readonly foundBy: string | undefined;
}

async function readMutants(names: readonly string[]): Promise<readonly Mutant[]> {
  const chosen = names.length === 0 ? [...PATHS.keys()] : names.map((name) => `${name}.lua`);
  const lists = await Promise.all(
    chosen.map(async (file) => mutantsOf(file, await readFile(pathOf(file), 'utf8'))),
  );
  return lists.flat();
}

function pathOf(file: string): string {
  const path = PATHS.get(file);
  if (path === undefined) throw new Error(`There is no Lua file ${file}`);
  return join(ROOT, path);
}

/** The lines of a script that are not as they were in a revision. */
function linesSince(revision: string, file: string): ReadonlySet<number> {
  const diff = execFileSync('git', ['diff', '--unified=0', revision, '--', pathOf(file)], {
    encoding: 'utf8',
  });
  const hunks = [...diff.matchAll(/^@@ .* \+(\d+)(?:,(\d+))? @@/gm)];
  return new Set(
    hunks.flatMap(([, from, count = '1']) =>
      Array.from({ length: Number(count) }, (_, at) => Number(from) + at),
    ),
  );
}

/** Those of lines that have changed since a revision. */
function onlySince(revision: string, mutants: readonly Mutant[]): readonly Mutant[] {
  const files = [...new Set(mutants.map(({ file }) => file))];
  const lines = new Map(files.map((file) => [file, linesSince(revision, file)]));
  return mutants.filter(({ file, line }) => lines.get(file)?.has(line));
}

/** Those that are Lua: Redis says. */
async function onlyCompiling(mutants: readonly Mutant[]): Promise<readonly Mutant[]> {
  const server = await RedisServer.start();
  const client = new Redis(server.port, '127.0.0.1');
  try {
    const loads = mutants.map(({ source }) => client.script('LOAD', `#!lua\n${source}`));
    const results = await Promise.allSettled(loads);
    return mutants.filter((_, index) => results[index]?.status === 'fulfilled');
  } finally {
    client.disconnect();
    await server.stop();
  }
}

async function judgeAll(mutants: readonly Mutant[]): Promise<readonly Verdict[]> {
  const left = [...mutants];
  const verdicts: Verdict[] = [];
  const first = await MutantJudge.open(ROOT);
  const order = await first.order();
  const work = async (judge: MutantJudge): Promise<void> => {
    try {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
        const foundBy = await judge.judge(mutant, order);
        verdicts.push({ mutant, foundBy });
        console.log(`${verdicts.length} of ${mutants.length}: ${describe(mutant)}: ${foundBy ?? SURVIVED}`);
      }
    } finally {
      await judge.close();
    }
  };
  const others = Array.from({ length: Number(values.workers) - 1 }, () => MutantJudge.open(ROOT));
  await Promise.all([first, ...(await Promise.all(others))].map(work));
  return verdicts;
}

/** What the output of an earlier run says of these. */
async function readVerdicts(log: string, mutants: readonly Mutant[]): Promise<readonly Verdict[]> {
  const lines = (await readFile(log, 'utf8')).split('\n').map((line) => line.replace(/^\d+ of \d+: /, ''));
  return mutants.flatMap((mutant) => {
    const begin = `${describe(mutant)}: `;
    const line = lines.find((each) => each.startsWith(begin));
    if (line === undefined) return [];
    const found = line.slice(begin.length);
    return [{ mutant, foundBy: found === SURVIVED ? undefined : found }];
  });
}

function describe({ file, line, before, after }: Mutant): string {
  return `${file}:${line}: ${before}  →  ${after}`;
}

/** Prints what survived and how much was found; answers the percentage. */
function report(verdicts: readonly Verdict[], tried: number): number {
  const survivors = verdicts.filter(({ foundBy }) => foundBy === undefined).map(({ mutant }) => mutant);
  const equivalent = survivors.filter((mutant) => equivalenceOf(mutant) !== undefined);
  console.log(`\n${tried - verdicts.length} of ${tried} changes do not compile and do not count.`);
  for (const mutant of equivalent) console.log(`equivalent: ${describe(mutant)}\n  ${equivalenceOf(mutant)}`);
  for (const mutant of survivors.filter((each) => !equivalent.includes(each)))
    console.log(`SURVIVED ${describe(mutant)}`);
  const killed = verdicts.length - survivors.length;
  const counting = verdicts.length - equivalent.length;
  console.log(
    `${equivalent.length} survivors change nothing that can be seen; without them ${killed} of ${counting} killed (${percent(killed, counting)} %)`,
  );
  console.log(`${killed} of ${verdicts.length} mutants killed (${percent(killed, verdicts.length)} %)`);
  return percent(killed, verdicts.length);
}

function percent(part: number, whole: number): number {
  return Math.floor((1_000 * part) / whole) / 10;
}

const { values, positionals } = parseArgs({
  options: {
    part: { type: 'string' },
    since: { type: 'string' },
    known: { type: 'string' },
    // The tests wait more than they compute.
    workers: { type: 'string', default: '4' },
  },
  allowPositionals: true,
});
// So that the tests that run are ended, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const [part = 1, parts = 1] = (values.part ?? '1/1').split('/').map(Number);
const all = await readMutants(positionals);
const chosen = values.since === undefined ? all : onlySince(values.since, all);
const mutants = chosen.filter((_, index) => index % parts === part - 1);
const compiling = await onlyCompiling(mutants);
const known = values.known === undefined ? [] : await readVerdicts(values.known, compiling);
const open = compiling.filter((mutant) => !known.some((verdict) => verdict.mutant === mutant));
const verdicts = [...known, ...(await judgeAll(open))];
process.exitCode = report(verdicts, mutants.length) >= WANTED_PERCENT ? 0 : 1;
