import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { Config } from '../../../src/config/config.js';
import { settingsOf } from '../../../src/config/setting.decorator.js';
import { VERSION } from '../../../src/version.js';
import { documentsOf, type Node, ROOT, valuesOf } from './manifests.js';

const CHART = join(ROOT, 'deploy/helm/crucible-queue');
const KUSTOMIZATIONS = 'deploy/kubernetes';

interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
}

type Objects = ReadonlyMap<string, Node>;

const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Node;
const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Node;
const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Node;
const templates = readdirSync(join(CHART, 'templates')).map((name) =>
  readFileSync(join(CHART, 'templates', name), 'utf8'),
);

const CASES = {
  embedded: {},
  redis: { store: 'redis' },
  'embedded with everything': {
    backup: { enabled: true },
    monitoring: { enabled: true },
    ingress: { enabled: true },
  },
  'redis with everything': {
    store: 'redis',
    backup: { enabled: true },
    monitoring: { enabled: true },
    ingress: { enabled: true },
  },
  changed: {
    store: 'redis',
    image: { repository: 'registry.example/queue', tag: '9.9' },
    keys: { secret: 'team-keys' },
    settings: { LOG_LEVEL: 'debug', WEBHOOK_EVENTS: 'it\'s "quoted": {{ x }} #' },
    replicas: { min: 3, max: 4 },
    networkPolicy: { namespaces: [] },
    redis: { app: 'redis', port: 6380 },
    monitoring: { enabled: true, labels: { release: 'prometheus' } },
    ingress: { enabled: true, host: 'q.example', path: '/queue' },
  },
  closed: { networkPolicy: { enabled: false }, ingress: { enabled: true }, storage: { className: 'fast' } },
} as const;

type Case = keyof typeof CASES;

/** All cases in one run of the renderer. */
function renderAll(): ReadonlyMap<Case, Objects> {
  const cases = Object.entries(CASES);
  const asked = cases.flatMap(([, given]) => {
    const data = {
      Values: merged(values, given),
      Chart: { Name: chart.name, Version: chart.version, AppVersion: chart.appVersion },
    };
    return templates.map((text) => ({ text, data }));
  });
  const renderer = join(ROOT, 'test/support/chart.render.mjs');
  const output = execFileSync(process.execPath, [renderer], { input: JSON.stringify(asked) });
  const texts = JSON.parse(output.toString()) as string[];
  return new Map(
    cases.map(([name], index) => {
      const start = index * templates.length;
      const documents = texts.slice(start, start + templates.length).flatMap(objectsIn);
      return [name as Case, byName(documents)];
    }),
  );
}

const rendered = renderAll();

function objectsOf(name: Case): Objects {
  return rendered.get(name) ?? new Map();
}

function objectsIn(text: string): Node[] {
  return parseAllDocuments(text).flatMap((document) => {
    expect(document.errors).toEqual([]);
    const node = document.toJS() as Node | null;
    return node === null ? [] : [node];
  });
}

function byName(documents: readonly Node[]): Objects {
  return new Map(
    documents.map((node) => [`${String(node.kind)} ${String((node.metadata as Node).name)}`, node]),
  );
}

/** What `kubectl kustomize` builds of a folder of `deploy/kubernetes`, by the few rules that its files use. */
function built(folder: string): Objects {
  const root = join(KUSTOMIZATIONS, folder);
  const [{ resources, patches = [], images = [] }] = documentsOf(
    join(root, 'kustomization.yaml'),
  ) as unknown as [Kustomization];
  const parts = resources.flatMap((name) => {
    const path = join(folder, name);
    return name.endsWith('.yaml') ? documentsOf(join(KUSTOMIZATIONS, path)) : [...built(path).values()];
  });
  const objects = new Map(byName(parts));
  for (const { path } of patches) {
    for (const [name, patch] of byName(documentsOf(join(root, path))))
      objects.set(name, merged(objects.get(name) ?? {}, patch));
  }
  const tagged = [...objects.values()].map((node) => withTags(node, images) as Node);
  return byName(tagged);
}

function withTags(node: unknown, images: NonNullable<Kustomization['images']>): unknown {
  if (Array.isArray(node)) return node.map((one) => withTags(one, images));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]: [string, unknown]) => {
    const image = key === 'image' ? images.find(({ name }) => name === value) : undefined;
    return [key, image ? `${image.name}:${image.newTag}` : withTags(value, images)];
  });
  return Object.fromEntries(entries) as Node;
}

/** Maps are merged, lists replaced: for values of a chart, and for the patches here. */
function merged(base: Node, over: Node): Node {
  const entries = Object.entries(over).map(([key, value]) => {
    const known = base[key];
    return [key, isMap(known) && isMap(value) ? merged(known, value) : value];
  });
  return { ...base, ...(Object.fromEntries(entries) as Node) };
}

function isMap(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('deploy/helm', () => {
  it.each([
    ['embedded', ['embedded']],
    ['redis', ['redis']],
    ['embedded with everything', ['embedded', 'embedded/backup', 'monitoring', 'ingress']],
    // The replicas keep nothing, so there is nothing to back up.
    ['redis with everything', ['redis', 'monitoring', 'ingress']],
  ] as const)('gives the objects of the kustomizations: %s', (name, folders) => {
    const expected = new Map(folders.flatMap((folder) => [...built(folder)]));
    const objects = objectsOf(name);
    expect([...objects.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, node] of objects) expect(node).toEqual(expected.get(key));
  });

  it('puts each value where it belongs', () => {
    const changed = [...objectsOf('changed').values()];
    expect(valuesOf(changed, 'image')).toEqual(['registry.example/queue:9.9']);
    expect(valuesOf(changed, 'secretName').sort()).toEqual(['crucible-queue-tls', 'team-keys']);
    const [env] = valuesOf(changed, 'env') as [{ name: string; value?: string }[]];
    expect(env).toEqual(
      expect.arrayContaining([
        { name: 'BASE_PATH', value: '/queue' },
        { name: 'LOG_LEVEL', value: 'debug' },
        { name: 'WEBHOOK_EVENTS', value: CASES.changed.settings.WEBHOOK_EVENTS },
        { name: 'REDIS_URL', valueFrom: { secretKeyRef: { name: 'team-keys', key: 'redis-url' } } },
      ]),
    );
    expect(valuesOf(changed, 'minReplicas').concat(valuesOf(changed, 'maxReplicas'))).toEqual([3, 4]);
    expect(valuesOf(changed, 'credentials')).toEqual([{ name: 'team-keys', key: 'viewer-key' }]);
    expect(valuesOf(changed, 'release')).toEqual(['prometheus', 'prometheus']);
    expect(valuesOf(objectsOf('changed').get('Ingress crucible-queue'), 'host')).toEqual(['q.example']);
    expect(valuesOf(objectsOf('changed').get('Ingress crucible-queue'), 'path')).toEqual(['/queue']);
    const policy = objectsOf('changed').get('NetworkPolicy crucible-queue');
    expect(valuesOf(policy, 'kubernetes.io/metadata.name')).toEqual([]);
    expect(JSON.stringify(policy)).toContain('"app.kubernetes.io/name":"redis"}}}],"ports":[{"port":6380}]');
    const closed = objectsOf('closed');
    expect([...closed.keys()].filter((name) => name.startsWith('NetworkPolicy'))).toEqual([]);
    expect(valuesOf([...closed.values()], 'storageClassName')).toEqual(['fast']);
  });

  it('describes every value in its schema, and sets nothing that the service does not know', () => {
    expect(missingIn(schema, values)).toEqual([]);
    const names = [...objectsOf('changed').values()].flatMap((node) =>
      (valuesOf(node, 'env') as { name: string }[][]).flat().map(({ name }) => name),
    );
    const settings = settingsOf(Config.prototype).map(({ name }) => name);
    expect(names.filter((name) => !settings.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has the version of the package', () => {
    expect([chart.version, chart.appVersion]).toEqual([VERSION, VERSION]);
  });

  it('has what kustomize does not: only files that are part of the chart', () => {
    const folders = ['base', 'embedded', 'embedded/backup', 'redis', 'monitoring', 'ingress'];
    const used = templates.map((text) => /^# Generated from (\S+) by/m.exec(text)?.[1] ?? '');
    const sources = folders.flatMap((folder) => {
      const path = join(KUSTOMIZATIONS, folder);
      const [{ resources }] = documentsOf(join(path, 'kustomization.yaml')) as unknown as [Kustomization];
      return resources.filter((name) => name.endsWith('.yaml')).map((name) => join(path, name));
    });
    expect([...used].sort()).toEqual([...sources].sort());
    expect(new Set(used.map(dirname)).size).toBe(folders.length);
  });
});

/** The paths of values that the schema does not describe. Maps with free names have a schema for all names. */
function missingIn(described: Node, value: unknown, path = ''): string[] {
  if (!isMap(value) || isMap(described.additionalProperties)) return [];
  const properties = (described.properties ?? {}) as Record<string, Node>;
  return Object.entries(value).flatMap(([key, inner]) => {
    const known = properties[key];
    return known === undefined ? [`${path}/${key}`] : missingIn(known, inner, `${path}/${key}`);
  });
}
