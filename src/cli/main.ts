#!/usr/bin/env node
import { CommanderError } from 'commander';
import { VERSION } from '../version.js';
import { textOfError } from '../client/verdicts.js';
import { say } from './context.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { createProgram } from './program.js';

/** The command `crucible-queue`. Data go to the standard output, everything else to the standard error. */
async function main(): Promise<number> {
  const program = createProgram(VERSION).exitOverride();
  // Commands were made before, and did not inherit it.
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync();
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    say(`crucible-queue: ${textOfError(error)}`);
    return exitCodeOf(error);
  }
}

// Whoever reads what is printed may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.done);
});

// A terminal that was closed takes no more messages; what runs goes on, and ends as its signals say.
process.stderr.on('error', () => undefined);

process.exitCode = await main();
