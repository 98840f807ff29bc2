/**
 * `node scripts/check-release.mjs v1.2.3`: whether everything that has a version has this one, and CHANGELOG.md a section
 * with its date. Without a tag it checks that they agree with package.json.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/workspace.mjs';

const read = (path) => readFileSync(join(ROOT, path), 'utf8');
const { version } = JSON.parse(read('package.json'));
const [tag] = process.argv.slice(2);

/** Where else the version stands, and what finds it there. */
const COPIES = {
  'package-lock.json': /^ {2}"version": "([^"]+)"/m,
  'docs/openapi.json': /"version": "([^"]+)"/,
  'clients/python/pyproject.toml': /^version = "([^"]+)"/m,
  'deploy/kubernetes/base/kustomization.yaml': /newTag: (\S+)/,
  'deploy/kubernetes/embedded/kustomization.yaml': /newTag: (\S+)/,
  'deploy/kubernetes/redis/kustomization.yaml': /newTag: (\S+)/,
  'deploy/helm/crucible-queue/Chart.yaml': /^version: (\S+)/m,
};

const wrong = Object.entries(COPIES)
  .map(([path, pattern]) => [path, pattern.exec(read(path))?.[1]])
  .filter(([, found]) => found !== version)
  .map(([path, found]) => `${path} has ${found ?? 'no version'}, package.json ${version}`);
if (tag !== undefined && tag !== `v${version}`) wrong.push(`the tag is ${tag}, package.json has ${version}`);
if (tag !== undefined && !hasSection(read('CHANGELOG.md'))) {
  wrong.push(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`);
}

function hasSection(changelog) {
  const heading = `## [${version}] - `;
  const line = changelog.split('\n').find((text) => text.startsWith(heading));
  return line !== undefined && /^\d{4}-\d\d-\d\d$/.test(line.slice(heading.length));
}

for (const line of wrong) console.error(line);
process.exitCode = wrong.length === 0 ? 0 : 1;
