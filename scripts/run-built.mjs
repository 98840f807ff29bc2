/** Runs a program of the service, built first when it is not: `node scripts/run-built.mjs cli/store-copy.js …`. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIST, ensureBuild, ensurePackages } from './lib/workspace.mjs';

const [, , file = '', ...args] = process.argv;
if (!ensurePackages() || !ensureBuild()) {
  console.error('Not started: see above');
  process.exit(1);
}
const program = join(DIST, file);
process.argv = [process.argv[0], program, ...args];
await import(pathToFileURL(program).href);
