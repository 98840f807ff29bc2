import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { answerOf } from '../../../src/cli/commands/webhooks.js';
import { EXIT } from '../../../src/cli/exit-code.js';
import { createProgram } from '../../../src/cli/program.js';

/** Every command below this one, with its full name. */
function commandsIn(command: Command, path: readonly string[] = []): { name: string; command: Command }[] {
  return command.commands.flatMap((each) => {
    const own = [...path, each.name()];
    return [{ name: own.join(' '), command: each }, ...commandsIn(each, own)];
  });
}

/** Those that do something. */
function leaves(program: Command): { name: string; command: Command }[] {
  return commandsIn(program).filter(({ command }) => command.commands.length === 0);
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The arguments of each call of `crucible-queue` in a script, as bash passes them. */
function callsIn(script: string): string[][] {
  const record = `crucible-queue() { printf '%s\\0' "$#" "$@" >&3; }; DIR=$(mktemp -d); cd "$DIR"; HOME=$DIR
mkdir -p .config/fish/completions; exec 3>calls\n`;
  const words = execFileSync('bash', ['-c', `${record}${script}\nexec 3>&-; cat calls; cd /; rm -r "$DIR"`], {
    encoding: 'utf8',
  }).split('\0');
  const calls: string[][] = [];
  for (let at = 0; at < words.length - 1; at += Number(words[at]) + 1)
    calls.push(words.slice(at + 1, at + 1 + Number(words[at])));
  return calls;
}

/** Parses arguments as the program does, and runs nothing. */
async function parse(args: readonly string[]): Promise<string> {
  const program = createProgram('0.0.0');
  let called = '';
  for (const { name, command } of leaves(program)) {
    command.action(() => void (called = name));
    command.configureOutput({ writeErr: (text) => (called += text), writeOut: () => undefined });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if ((error as { exitCode?: number }).exitCode !== 0)
      return `${args.join(' ')}: ${called}${String(error)}`;
  }
  return called;
}

describe('the help of', () => {
  const found = commandsIn(createProgram('0.0.0'));

  it.each(found.map(({ name, command }) => [name, command] as const))(
    '%s has examples that the command accepts',
    async (name, command) => {
      const [, examples = ''] = helpOf(command).split('\nExamples:\n');
      const calls = callsIn(examples);
      expect(calls.length).toBeGreaterThan(0);
      const called = await Promise.all(calls.map(parse));
      expect(called).toEqual(called.map(() => expect.stringMatching(new RegExp(`^${name}( |$)`))));
    },
  );

  it('the program names the variables, the exit codes and the sources of help', () => {
    const help = helpOf(createProgram('0.0.0'));
    for (const word of ['QUEUE_URL', 'QUEUE_API_KEY', 'Examples:']) expect(help).toContain(word);
    const codes = [...help.matchAll(/^ {2}(\d+) +\S/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
  });
});

it('docs/cli.md has only commands that the program accepts', async () => {
  const document = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8');
  const scripts = [...document.matchAll(/```sh\n(.*?)```/gs)].map(([, script]) => script ?? '');
  const calls = callsIn(scripts.join('\n'));
  expect(calls.length).toBeGreaterThan(20);
  const names = leaves(createProgram('0.0.0')).map(({ name }) => name);
  for (const called of await Promise.all(calls.map(parse))) expect(names).toContain(called);
});

describe('the answer of a webhook delivery in a table', () => {
  it.each([
    [{ last_status: null, last_error: 'connection refused', last_answer: null }, 'connection refused'],
    [{ last_status: 204, last_error: null, last_answer: null }, 204],
    [
      { last_status: 503, last_error: null, last_answer: 'upstream is restarting\n' },
      '503 upstream is restarting',
    ],
    [{ last_status: 500, last_error: null, last_answer: 'x'.repeat(1024) }, `500 ${'x'.repeat(60)}…`],
  ])('of %j is %j', (row, shown) => {
    expect(answerOf(row)).toBe(shown);
  });
});
