/**
 * `npm start`: installs and builds what is missing, then becomes the server.
 *
 * The server is loaded into this process, not started as a child: signals reach it and its exit code is ours.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIST, ensureBuild, ensurePackages } from './lib/workspace.mjs';

if (!ensurePackages() || !ensureBuild()) {
  console.error('Not started: see above');
  process.exit(1);
}

const main = join(DIST, 'main.js');
process.argv[1] = main;
await import(pathToFileURL(main).href);
