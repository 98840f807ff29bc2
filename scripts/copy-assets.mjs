/** Puts what the service serves as files into dist, so that the development packages are not needed at run time. */
import { copyFileSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { copyRedisScripts, DIST, ROOT, run } from './lib/workspace.mjs';

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

/** What the pages of the dashboard load: its own files, and those of two packages with their licences. */
const DASHBOARD = {
  'htmx.org/dist/htmx.min.js': 'htmx.min.js',
  'htmx.org/dist/ext/hx-sse.min.js': 'hx-sse.min.js',
  'htmx.org/LICENSE': 'htmx.LICENSE.txt',
  'uplot/dist/uPlot.iife.min.js': 'uPlot.iife.min.js',
  'uplot/dist/uPlot.min.css': 'uPlot.min.css',
  'uplot/LICENSE': 'uPlot.LICENSE.txt',
};

const assets = join(DIST, 'dashboard/assets');
cpSync(join(ROOT, 'src/dashboard/assets'), assets, { recursive: true });
for (const [from, to] of Object.entries(DASHBOARD))
  copyFileSync(join(ROOT, 'node_modules', from), join(assets, to));

copyRedisScripts(DIST);

// The OpenAPI document takes seconds to make on a busy machine, so no request waits for it.
if (!run(process.execPath, [join(DIST, 'openapi.js'), join(DIST, 'assets')])) process.exit(1);
