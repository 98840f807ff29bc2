#!/usr/bin/env node
import { EXIT } from './exit-code.js';
import { runProgram } from './run.js';

/** The command `crucible-queue`. Data goes to standard output, all messages to standard error. */

// A reader such as `head` may close the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.done);
});

// A closed terminal takes no messages. Running work continues until a signal ends it.
process.stderr.on('error', () => undefined);

process.exitCode = await runProgram(process.argv.slice(2));
