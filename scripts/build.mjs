/** `npm run build`: compiles src into an empty dist and copies the assets. */
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD_STAMP, DIST, ROOT, run } from './lib/workspace.mjs';

// Taken first: a source that changes while the compiler runs makes the result out of date.
const startedAt = new Date();
rmSync(DIST, { recursive: true, force: true });
const isCompiled = run(process.execPath, [
  join(ROOT, 'node_modules/typescript/bin/tsc'),
  '-p',
  'tsconfig.json',
]);
if (!isCompiled) process.exit(1);
await import('./copy-assets.mjs');
writeFileSync(BUILD_STAMP, `${startedAt.toISOString()}\n`);
utimesSync(BUILD_STAMP, startedAt, startedAt);
