/**
 * Writes the templates of the Helm chart from the manifests of deploy/kubernetes. Each manifest becomes a template of the
 * same name; below stands what a value replaces in it. The templates use the functions of Go's text/template only, so that
 * the tests can render them without Helm.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from './lib/workspace.mjs';

const SOURCES = join(ROOT, 'deploy/kubernetes');
const CHART = join(ROOT, 'deploy/helm/crucible-queue');
const EMBEDDED = 'eq .Values.store "embedded"';
const REDIS = 'eq .Values.store "redis"';

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const read = (path) => readFileSync(join(SOURCES, path), 'utf8');
const quoted = (value) => `{{ printf "%q" ${value} }}`;

const POD = [
  [
    'image: crucible-queue\n',
    `image: ${quoted('(printf "%s:%s" .Values.image.repository (or .Values.image.tag .Chart.AppVersion))')}\n`,
  ],
  ['secretName: crucible-queue\n', `secretName: ${quoted('.Values.keys.secret')}\n`],
  [
    '            - { name: API_KEYS_FILE, value: /etc/crucible-queue/keys.json }\n',
    `            - { name: API_KEYS_FILE, value: /etc/crucible-queue/keys.json }
{{- if and .Values.ingress.enabled (ne .Values.ingress.path "/") }}
            - { name: BASE_PATH, value: ${quoted('.Values.ingress.path')} }
{{- end }}
{{- range $name, $value := .Values.settings }}
            - { name: {{ $name }}, value: ${quoted('$value')} }
{{- end }}
`,
  ],
  [
    'cpu: 250m, memory: 512Mi',
    `cpu: ${quoted('.Values.resources.requests.cpu')}, memory: ${quoted('.Values.resources.requests.memory')}`,
  ],
  ['limits: { memory: 1Gi }', `limits: { memory: ${quoted('.Values.resources.limits.memory')} }`],
];

const MONITOR_LABELS = [
  '    app.kubernetes.io/name: crucible-queue\nspec:\n',
  `    app.kubernetes.io/name: crucible-queue
{{- range $name, $value := .Values.monitoring.labels }}
    ${quoted('$name')}: ${quoted('$value')}
{{- end }}
spec:
`,
];

/** The rule of an overlay's patch that the base lacks. */
function redisRule() {
  const text = read('redis/network-policy.yaml');
  const start = text.indexOf('    - to:\n        - podSelector:\n');
  return text.slice(start, text.indexOf('    # Traces', start));
}

/** Each manifest: when it is part of the chart, and what values replace. */
const TEMPLATES = [
  { path: 'base/service-account.yaml' },
  { path: 'base/service.yaml' },
  {
    path: 'base/network-policy.yaml',
    when: '.Values.networkPolicy.enabled',
    values: [
      [
        `        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: monitoring
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: keda
`,
        `{{- range .Values.networkPolicy.namespaces }}
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: ${quoted('.')}
{{- end }}
`,
      ],
      [
        '    # Traces',
        `{{- if ${REDIS} }}
${redisRule()
  .replace('name: valkey', `name: ${quoted('.Values.redis.app')}`)
  .replace('port: 6379', 'port: {{ .Values.redis.port }}')}{{- end }}
    # Traces`,
      ],
    ],
  },
  {
    path: 'embedded/stateful-set.yaml',
    when: EMBEDDED,
    values: [
      ...POD,
      [
        '        resources:\n          requests:\n            storage: 20Gi\n',
        `{{- if .Values.storage.className }}
        storageClassName: ${quoted('.Values.storage.className')}
{{- end }}
        resources:
          requests:
            storage: ${quoted('.Values.storage.size')}
`,
      ],
    ],
  },
  {
    path: 'redis/deployment.yaml',
    when: REDIS,
    values: [
      ...POD,
      [
        '{ name: crucible-queue, key: redis-url }',
        `{ name: ${quoted('.Values.keys.secret')}, key: redis-url }`,
      ],
    ],
  },
  { path: 'redis/disruption-budget.yaml', when: REDIS },
  {
    path: 'redis/autoscaler.yaml',
    when: REDIS,
    values: [
      ['minReplicas: 2', 'minReplicas: {{ .Values.replicas.min }}'],
      ['maxReplicas: 6', 'maxReplicas: {{ .Values.replicas.max }}'],
    ],
  },
  {
    path: 'embedded/backup/cron-job.yaml',
    when: `and .Values.backup.enabled (${EMBEDDED})`,
    values: [
      ["schedule: '17 2 * * *'", `schedule: ${quoted('.Values.backup.schedule')}`],
      ['image: registry.k8s.io/kubectl:v1.33.0', `image: ${quoted('.Values.backup.image')}`],
    ],
  },
  { path: 'embedded/backup/access.yaml', when: `and .Values.backup.enabled (${EMBEDDED})` },
  {
    path: 'monitoring/service-monitor.yaml',
    when: '.Values.monitoring.enabled',
    values: [
      MONITOR_LABELS,
      [
        '{ name: crucible-queue, key: viewer-key }',
        `{ name: ${quoted('.Values.keys.secret')}, key: viewer-key }`,
      ],
    ],
  },
  { path: 'monitoring/prometheus-rule.yaml', when: '.Values.monitoring.enabled', values: [MONITOR_LABELS] },
  {
    path: 'ingress/ingress.yaml',
    when: '.Values.ingress.enabled',
    values: [
      ['ingressClassName: nginx', `ingressClassName: ${quoted('.Values.ingress.className')}`],
      ['hosts: [queue.example]', `hosts: [${quoted('.Values.ingress.host')}]`],
      ['secretName: crucible-queue-tls', `secretName: ${quoted('.Values.ingress.tlsSecret')}`],
      ['host: queue.example', `host: ${quoted('.Values.ingress.host')}`],
      ['path: /\n', `path: ${quoted('.Values.ingress.path')}\n`],
    ],
  },
  {
    path: 'ingress/network-policy.yaml',
    when: 'and .Values.ingress.enabled .Values.networkPolicy.enabled',
    values: [['name: ingress-nginx', `name: ${quoted('.Values.ingress.namespace')}`]],
  },
];

function templateOf({ path, when, values = [] }) {
  // Prometheus has templates of its own.
  let text = read(path).replace(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`);
  for (const [literal, replacement] of values) {
    if (text.split(literal).length !== 2) throw new Error(`${path} must have this once: ${literal}`);
    text = text.split(literal).join(replacement);
  }
  const head = `# Generated from deploy/kubernetes/${path} by \`npm run docs\`.\n`;
  return when === undefined ? head + text : `{{- if ${when} }}\n${head}${text}{{- end }}\n`;
}

const directory = join(CHART, 'templates');
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const template of TEMPLATES) {
  const { path } = template;
  const name = path.startsWith('ingress/n') ? 'ingress-network-policy.yaml' : basename(path);
  writeFileSync(join(directory, name), templateOf(template));
}
writeFileSync(
  join(CHART, 'Chart.yaml'),
  `# Generated by \`npm run docs\`.
apiVersion: v2
name: crucible-queue
description: A durable task queue over HTTP
type: application
version: ${version}
appVersion: ${version}
`,
);
