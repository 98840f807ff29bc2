import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseKeys } from '../../../src/auth/api-keys-file.js';
import { Config } from '../../../src/config/config.js';
import { settingsOf } from '../../../src/config/setting.decorator.js';
import { VERSION } from '../../../src/version.js';
import { documentsOf, isThere, manifests, type Node, ROOT, valuesOf } from './manifests.js';

interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
}

interface ComposeService {
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly build?: string;
}

interface Trigger {
  readonly url: string;
  readonly valueLocation: string;
}

const DEFAULTS = new Config();
const SETTINGS = settingsOf(Config.prototype).map(({ name }) => name);
const API = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as {
  paths: Node;
  components: { schemas: Readonly<Record<'QueueStatistics', { properties: Node }>> };
};

const files = manifests();
const everything = [...files.values()].flat();
const containers = valuesOf(everything, 'containers').flat() as Container[];
const queues = containers.filter(({ image }) => image === 'crucible-queue');
const services = documentsOf('deploy/compose.yaml')[0]?.services as Record<string, ComposeService>;

describe('deploy/kubernetes', () => {
  it('runs the service once with each store', () => {
    const stores = queues.map(({ env }) => env.find(({ name }) => name === 'QUEUE_STORE'));
    expect(stores).toEqual([
      { name: 'QUEUE_STORE', value: 'embedded' },
      { name: 'QUEUE_STORE', value: 'redis' },
    ]);
  });

  it('sets nothing that the service does not know', () => {
    const names = queues.flatMap(({ env }) => env.map(({ name }) => name));
    expect(names.filter((name) => !SETTINGS.includes(name))).toEqual([]);
  });

  it('probes routes that are there, on the port that is served', () => {
    const probes = valuesOf(everything, 'httpGet') as { path: string; port: string }[];
    expect(probes).toHaveLength(3 * queues.length);
    expect(probes.filter(({ path, port }) => !(path in API.paths) || port !== 'http')).toEqual([]);
    const ports = queues.map((queue) => queue.ports);
    expect(ports).toEqual(queues.map(() => [{ name: 'http', containerPort: DEFAULTS.PORT }]));
  });

  it('gives the process longer to end than it takes', () => {
    const pods = everything.filter((node) => valuesOf(node, 'image').includes('crucible-queue'));
    const limits = pods.flatMap((pod) => valuesOf(pod, 'terminationGracePeriodSeconds')) as number[];
    expect(limits).toHaveLength(queues.length);
    const delays = pods.flatMap((pod) =>
      (valuesOf(pod, 'env') as { name: string; value?: string }[][]).flatMap((env) =>
        env.filter(({ name }) => name === 'SHUTDOWN_DELAY_SECONDS').map(({ value }) => Number(value)),
      ),
    );
    expect(delays.filter((delay) => delay > 0)).toHaveLength(queues.length);
    expect(Math.min(...limits)).toBeGreaterThan(10 + Math.max(...delays));
  });

  it('writes nowhere but to its volume, as nobody who may do more', () => {
    const rights = containers.map((container) => valuesOf(container, 'securityContext'));
    expect(rights).toEqual(
      containers.map(() => [
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      ]),
    );
    const users = valuesOf(everything, 'runAsNonRoot');
    expect(users).toEqual(containers.map(() => true));
  });

  it('names only files that are there', () => {
    const missing = [...files].flatMap(([path, documents]) =>
      documents
        .filter(({ kind }) => kind === 'Kustomization')
        .flatMap((document) => namedBy(document).filter((name) => !isThere(path, name))),
    );
    expect(missing).toEqual([]);
  });

  it('has the version of the package', () => {
    const tags = valuesOf(everything, 'newTag');
    expect(tags).toEqual(tags.map(() => VERSION));
    expect(tags.length).toBeGreaterThan(0);
  });

  it('scales and protects what is there', () => {
    const targets = valuesOf(everything, 'scaleTargetRef') as { name: string }[];
    const deployments = everything.filter(({ kind }) => kind === 'Deployment').flatMap(nameOf);
    expect(targets.map(({ name }) => name).sort()).toEqual([...deployments].sort());
    const budget = everything.find(({ kind }) => kind === 'PodDisruptionBudget');
    const pods = everything.find(
      (node) => node.kind === 'Deployment' && nameOf(node)[0] === nameOf(budget)[0],
    );
    expect(valuesOf(budget, 'matchLabels')).toEqual(valuesOf(valuesOf(pods, 'selector'), 'matchLabels'));
  });

  it('scales the workers by a number that the service tells, and that the scaler may ask for', () => {
    const [trigger] = valuesOf(everything, 'triggers').flat() as { type: string; metadata: Trigger }[];
    expect(trigger?.type).toBe('metrics-api');
    const { url = '', valueLocation = '' } = trigger?.metadata ?? {};
    expect(new URL(url).pathname.replace('/default/', '/{queue}/')).toBe('/queues/{queue}/stats');
    expect(new URL(url).host).toBe(`crucible-queue:${DEFAULTS.PORT}`);
    expect(Object.keys(API.components.schemas.QueueStatistics.properties)).toContain(valueLocation);
    const [policy] = documentsOf('deploy/kubernetes/base/network-policy.yaml');
    const namespaces = valuesOf(policy?.spec, 'kubernetes.io/metadata.name');
    expect(namespaces).toEqual(expect.arrayContaining(['keda', 'monitoring']));
  });

  it('selects the pods that it makes', () => {
    for (const node of everything.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')) {
      const [selected] = valuesOf(valuesOf(node, 'selector'), 'matchLabels');
      const [template] = valuesOf(node, 'template');
      expect(valuesOf(template, 'labels')[0]).toMatchObject(selected as Node);
    }
  });
});

describe('deploy/kubernetes/create-keys.sh', () => {
  const script = join(ROOT, 'deploy/kubernetes/create-keys.sh');
  const secret = parse(execFileSync('sh', [script, 'redis://valkey:6379'], { encoding: 'utf8' })) as {
    readonly metadata: { readonly name: string };
    readonly stringData: Readonly<Record<string, string>>;
  };

  it('makes the secret that the manifests name, with all that they read of it', () => {
    const named = [
      ...(valuesOf(everything, 'secretKeyRef') as { name: string; key: string }[]),
      ...(valuesOf(everything, 'credentials') as { name: string; key: string }[]),
      ...(valuesOf(everything, 'secretTargetRef').flat() as { name: string; key: string }[]),
    ];
    expect(new Set(named.map(({ name }) => name))).toEqual(new Set([secret.metadata.name]));
    const items = valuesOf(everything, 'items').flat() as { key: string }[];
    const keys = [...named, ...items].map(({ key }) => key);
    expect(keys.filter((key) => !(key in secret.stringData))).toEqual([]);
    expect(keys).toEqual(expect.arrayContaining(['keys.json', 'redis-url', 'worker-key', 'viewer-key']));
  });

  it('gives the service the digests of three keys with one role each', () => {
    const entries = parseKeys(secret.stringData['keys.json'] ?? '');
    expect(entries.map(({ roles }) => roles)).toEqual([['admin'], ['worker'], ['viewer']]);
    for (const { id, sha256 } of entries) {
      const key = secret.stringData[`${id}-key`] ?? '';
      expect(key).toMatch(/^[0-9a-f]{48}$/);
      expect(createHash('sha256').update(key).digest('hex')).toBe(sha256);
    }
  });
});

describe('deploy/compose.yaml', () => {
  const queue = services.queue;

  it('sets nothing that the service does not know', () => {
    const names = Object.keys(queue?.environment ?? {});
    expect(names).toContain('QUEUE_STORE');
    expect(names.filter((name) => !SETTINGS.includes(name))).toEqual([]);
  });

  it('publishes the port that is served, to this machine only', () => {
    expect(queue?.ports).toEqual([`127.0.0.1:${DEFAULTS.PORT}:${DEFAULTS.PORT}`]);
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('mounts and builds from what is there', () => {
    const mounted = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes)
      .flatMap((volume) => volume.split(':').slice(0, 1))
      .filter((source) => source.startsWith('.'));
    expect(mounted.filter((source) => !isThere('deploy/compose.yaml', source))).toEqual([]);
    expect(mounted.length).toBeGreaterThan(0);
    expect(isThere('deploy/compose.yaml', `${queue?.build}/Dockerfile`)).toBe(true);
  });
});

function nameOf(document: Node | undefined): string[] {
  const { name } = (document?.metadata ?? {}) as { name?: string };
  return name === undefined ? [] : [name];
}

function namedBy(kustomization: Node): string[] {
  const maps = valuesOf(kustomization.configMapGenerator, 'files').flat() as string[];
  return [
    ...((kustomization.resources ?? []) as string[]),
    ...(valuesOf(kustomization.patches, 'path') as string[]),
    ...maps.map((file) => file.split('=').at(-1) ?? ''),
  ];
}
