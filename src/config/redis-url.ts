import { isIPv6 } from 'node:net';

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

interface Access {
  readonly username?: string;
  readonly password?: string;
  readonly isTls: boolean;
}

/** One server. */
export interface StandaloneEndpoint extends Access, RedisHost {
  readonly kind: 'standalone';
  readonly db: number;
}

/** The master that the Sentinels at these addresses report for this name. */
export interface SentinelEndpoint extends Access {
  readonly kind: 'sentinel';
  readonly hosts: readonly RedisHost[];
  readonly masterName: string;
  readonly db: number;
}

/** A Redis Cluster with nodes at these addresses. */
export interface ClusterEndpoint extends Access {
  readonly kind: 'cluster';
  readonly hosts: readonly RedisHost[];
}

/** The address and the credentials of a Redis. */
export type RedisEndpoint = StandaloneEndpoint | SentinelEndpoint | ClusterEndpoint;

export const REDIS_URL_FORMS = [
  'redis://[user:password@]host[:port][/database]',
  'redis+sentinel://[user:password@]host[:port],…/master-name[/database]',
  'redis+cluster://[user:password@]host[:port],…',
] as const;

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const SHAPE =
  /^(?<scheme>rediss?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<access>[^/?#\s]*)@)?(?<hosts>[^/?#@\s]+)(?<path>\/[^?#\s]*)?(?:\?[^#\s]*)?$/;
const HOST = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[A-Za-z0-9._-]{1,253}))(?::(?<port>\d{1,5}))?$/;
const DATABASE = /^\d{0,9}$/;
const MASTER_NAME = /^[A-Za-z0-9._-]{1,255}$/;

/**
 * Parses one of the forms above; `rediss` in place of `redis` means TLS. User and password are percent-encoded.
 *
 * Query parameters are ignored: they could override settings that prevent a second execution. The error never quotes
 * the text, which may contain a password.
 */
export function parseRedisUrl(text: string): RedisEndpoint {
  const { scheme, kind = 'standalone', access, hosts = '', path = '' } = SHAPE.exec(text)?.groups ?? {};
  if (scheme === undefined) throw malformed();
  const isTls = scheme === 'rediss';
  const common = { ...parseAccess(access), isTls };
  const [first = '', second, ...more] = path.replace(/^\//, '').split('/').map(decode);
  if (more.length > 0) throw malformed();
  switch (kind) {
    case 'sentinel':
      if (!MASTER_NAME.test(first))
        throw new Error('The Redis URL must contain the name of the Sentinel master');
      return {
        kind,
        ...{ hosts: parseHosts(hosts, SENTINEL_PORT), masterName: first, db: database(second) },
        ...common,
      };
    case 'cluster':
      if (second !== undefined || !/^0?$/.test(first)) {
        throw new Error('The Redis URL must not contain a database: a cluster has only database 0');
      }
      return { kind, hosts: parseHosts(hosts, REDIS_PORT), ...common };
    default:
      if (second !== undefined) throw malformed();
      return { kind: 'standalone', ...onlyHost(hosts), db: database(first), ...common };
  }
}

/** The endpoint for log lines: addresses without credentials. */
export function describeEndpoint(endpoint: RedisEndpoint): string {
  switch (endpoint.kind) {
    case 'standalone':
      return describeHost(endpoint);
    case 'sentinel':
      return `${endpoint.masterName} of the Sentinels at ${endpoint.hosts.map(describeHost).join(', ')}`;
    case 'cluster':
      return `Cluster at ${endpoint.hosts.map(describeHost).join(', ')}`;
  }
}

/** `host:port`. */
export function describeHost({ host, port }: RedisHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseHosts(text: string, defaultPort: number): RedisHost[] {
  return text.split(',').map((one) => {
    const { v6, name, port } = HOST.exec(one)?.groups ?? {};
    const host = v6 ?? name;
    const number = port === undefined ? defaultPort : Number(port);
    const isAddress = host !== undefined && (v6 === undefined || isIPv6(v6));
    if (!isAddress || number < 1 || number > 65_535) throw malformed();
    return { host, port: number };
  });
}

function onlyHost(text: string): RedisHost {
  const [host, ...others] = parseHosts(text, REDIS_PORT);
  if (!host || others.length > 0) {
    throw new Error(
      'The Redis URL must contain one host; use redis+sentinel:// or redis+cluster:// for several',
    );
  }
  return host;
}

function parseAccess(access = ''): { readonly username?: string; readonly password?: string } {
  const colon = access.indexOf(':');
  const username = colon < 0 ? access : access.slice(0, colon);
  const password = colon < 0 ? '' : access.slice(colon + 1);
  return { username: decode(username) || undefined, password: decode(password) || undefined };
}

function database(text = ''): number {
  if (!DATABASE.test(text)) throw new Error('The path of the Redis URL must be a database number');
  return Number(text);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // The original error would quote the password.
    throw new Error('Special characters in the Redis URL must be percent-encoded');
  }
}

function malformed(): Error {
  return new Error(`The Redis URL must look like ${REDIS_URL_FORMS.join(' or ')}, with rediss for TLS`);
}
