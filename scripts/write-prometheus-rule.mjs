/** Writes the alerts and recording rules of deploy/prometheus as one resource of the Prometheus Operator. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/workspace.mjs';

const HEAD = `# Generated from deploy/prometheus/rules by \`npm run docs\`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: crucible-queue
  labels:
    app.kubernetes.io/name: crucible-queue
spec:
  groups:
`;

/** The list of groups of a rule file, two steps further in. */
function groupsOf(name) {
  const text = readFileSync(join(ROOT, 'deploy/prometheus/rules', name), 'utf8');
  const lines = text
    .slice(text.indexOf('groups:\n') + 'groups:\n'.length)
    .trimEnd()
    .split('\n');
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}

const target = join(ROOT, 'deploy/kubernetes/monitoring/prometheus-rule.yaml');
writeFileSync(target, `${HEAD}${groupsOf('recording.yml')}\n\n${groupsOf('alerts.yml')}\n`);
