/** Copies what the service serves as files into dist, so that the development packages are not needed at run time. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { copyRedisScripts, DIST, ROOT } from './lib/workspace.mjs';

/** The ReDoc page of /redoc: the bundle, its licence, and those of the packages in it. */
const REDOC = {
  'bundles/redoc.standalone.js': 'redoc.standalone.js',
  'bundles/redoc.standalone.js.LICENSE.txt': 'redoc.standalone.js.LICENSE.txt',
  LICENSE: 'LICENSE',
};

const target = join(DIST, 'assets/redoc');
mkdirSync(target, { recursive: true });
for (const [from, to] of Object.entries(REDOC)) {
  copyFileSync(join(ROOT, 'node_modules/redoc', from), join(target, to));
}

copyRedisScripts(DIST);
