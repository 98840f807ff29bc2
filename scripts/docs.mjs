/**
 * `npm run docs`: writes the generated documents. With `--check`: fails when they would change, and changes nothing.
 *
 * `dist/openapi.js` prints the OpenAPI document as JSON. The table of settings, the types of the client, the alerts for
 * the Prometheus Operator, and the templates of the Helm chart are written by scripts of their own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIST, ROOT, run } from './lib/workspace.mjs';

const CHART = join(ROOT, 'deploy/helm/crucible-queue');
const OPENAPI = join(ROOT, 'docs/openapi.json');
const DOCUMENTS = [
  OPENAPI,
  join(ROOT, 'docs/configuration.md'),
  join(ROOT, 'src/client/api.generated.ts'),
  join(ROOT, 'deploy/kubernetes/monitoring/prometheus-rule.yaml'),
  join(CHART, 'Chart.yaml'),
  ...readdirSync(join(CHART, 'templates')).map((name) => join(CHART, 'templates', name)),
];

const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
const restore = (file, text) =>
  text === undefined ? rmSync(file, { force: true }) : writeFileSync(file, text);

function writeOpenApi() {
  const options = {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  };
  const { status, stdout } = spawnSync(process.execPath, [join(DIST, 'openapi.js')], options);
  if (status !== 0) return false;
  if (stdout.startsWith('{')) writeFileSync(OPENAPI, stdout);
  return true;
}

const before = DOCUMENTS.map(read);
const isWritten =
  writeOpenApi() &&
  run('npm', ['run', '--silent', 'docs:configuration']) &&
  run(process.execPath, [join(ROOT, 'scripts/write-client-types.mjs')]) &&
  run(process.execPath, [join(ROOT, 'scripts/write-prometheus-rule.mjs')]) &&
  run(process.execPath, [join(ROOT, 'scripts/write-helm-chart.mjs')]);
const changed = DOCUMENTS.filter((file, index) => read(file) !== before[index]);
const isCheck = process.argv.includes('--check');
if (isCheck) DOCUMENTS.forEach((file, index) => restore(file, before[index]));

if (!isWritten) console.error('The documents could not be generated: see above (is dist built?)');
for (const file of changed)
  console.log(`${file} ${isCheck ? 'is out of date: run npm run docs' : 'was written'}`);
process.exitCode = !isWritten || (isCheck && changed.length > 0) ? 1 : 0;
