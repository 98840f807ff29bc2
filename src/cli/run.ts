import { CommanderError } from 'commander';
import { textOfError } from '../client/verdicts.js';
import { VERSION } from '../version.js';
import { say } from './context.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { createProgram } from './program.js';

/** Runs the command that the arguments name. Returns the exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await createProgram(VERSION).parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    say(`crucible-queue: ${textOfError(error)}`);
    return exitCodeOf(error);
  }
}
