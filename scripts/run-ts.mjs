/**
 * `node scripts/run-ts.mjs FILE [ARGUMENTS]`: compiles src and test into dist-test and runs FILE from there.
 *
 * It also builds dist when that is not of these sources: what is killed or measured is the service from there.
 * Node 20 runs no TypeScript. Types are left to `npm run types`: a benchmark need not wait for them.
 */
import { copyFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { copyRedisScripts, ensureBuild, ensurePackages, ROOT, run } from './lib/workspace.mjs';

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) {
  console.error('Usage: node scripts/run-ts.mjs FILE [ARGUMENTS]');
  process.exit(2);
}
const compiler = resolve(ROOT, 'node_modules/typescript/bin/tsc');
const isReady =
  ensurePackages() && ensureBuild() && run(process.execPath, [compiler, '-p', 'tsconfig.scripts.json']);
if (!isReady) process.exit(1);
copyRedisScripts(resolve(ROOT, 'dist-test/src'));
// The sources read the version from above their folder.
copyFileSync(resolve(ROOT, 'package.json'), resolve(ROOT, 'dist-test/package.json'));

const compiled = resolve(ROOT, 'dist-test', relative(ROOT, resolve(file)).replace(/\.ts$/, '.js'));
process.argv = [process.execPath, compiled, ...rest];
await import(pathToFileURL(compiled).href);
