#!/usr/bin/env node
import { CommanderError } from 'commander';
import { VERSION } from '../version.js';
import { textOfError } from '../client/verdicts.js';
import { say } from './context.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { createProgram } from './program.js';

/** The command `crucible-queue`. Data goes to standard output, all messages to standard error. */
async function main(): Promise<number> {
  try {
    await createProgram(VERSION).parseAsync();
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    say(`crucible-queue: ${textOfError(error)}`);
    return exitCodeOf(error);
  }
}

// A reader such as `head` may close the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.done);
});

// A closed terminal takes no messages. Running work continues until a signal ends it.
process.stderr.on('error', () => undefined);

process.exitCode = await main();
