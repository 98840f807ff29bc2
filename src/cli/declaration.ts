import { type Command, Option } from 'commander';
import { Context, type GlobalOptions } from './context.js';
import { explained } from './exit-code.js';
import { FORMATS } from './printer.js';

/** What the declarations of commands share. */

export const PROGRAM = 'crucible-queue';

/**
 * Accepts the option before and after the command's name. Options of `work` end where the program to run begins.
 */
export function addAddress(command: Command): Command {
  return command.option('--url <url>', 'URL of the service (default: QUEUE_URL, or http://127.0.0.1:8081)');
}

export function addFormat(command: Command): Command {
  return command.addOption(new Option('-o, --format <format>', 'output format').choices(FORMATS));
}

/** Adds examples to the command's help. Each line begins with the command's name and its arguments. */
export function addExamples(command: Command, ...lines: readonly string[]): Command {
  if (lines.length === 0) return command;
  const shown = lines.map((line) => `  ${line.replaceAll('$0', PROGRAM)}\n`);
  return command.addHelpText('after', `\nExamples:\n${shown.join('')}`);
}

/** Adds the options of commands that change many tasks. */
export function addSureness(command: Command): Command {
  return command
    .option('--yes', 'skip the confirmation')
    .option('--dry-run', 'count and name the tasks, and change nothing');
}

/** Adds the connection, the format and the examples of a command that calls the service. */
export function addUsage(command: Command, ...examples: readonly string[]): Command {
  return addExamples(addFormat(addAddress(command)), ...examples);
}

/** Wraps an action for commander, which passes the arguments, the options and the command in this order. */
export function run(action: (context: Context, ...given: never[]) => Promise<void>) {
  return async (...given: unknown[]): Promise<void> => {
    const context = new Context(globalOptionsOf(given.at(-1) as Command));
    await action(context, ...(given as never[])).catch((error: unknown) => {
      throw explained(error, context.url);
    });
  };
}

/** The options given before or after the command's name; the last one counts. */
function globalOptionsOf(command: Command): GlobalOptions {
  const outer = command.parent === null ? {} : globalOptionsOf(command.parent);
  const { url = outer.url, format = outer.format } = command.opts<GlobalOptions>();
  return { url, format };
}
