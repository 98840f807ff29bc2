import { Redis } from 'ioredis';
import type { Certificates } from './certificates.js';
import { RedisServer } from './redis-server.js';
import { freePort } from './free-port.js';
import { until } from './until.js';

export interface RedisClusterOptions {
  /** Of each master. By default none. */
  readonly replicas?: 0 | 1;
  /** How long a node must be silent before it counts as failed. By default short, for those who wait for that. */
  readonly nodeTimeoutMs?: number;
  /** With them the servers take TLS alone. */
  readonly certificates?: Certificates;
  /** More of the command line of the servers. */
  readonly args?: readonly string[];
}

/** A server of the cluster and a connection to it. */
interface Node {
  readonly server: RedisServer;
  readonly busPort: number;
  readonly redis: Redis;
}

type SlotRange = readonly [first: number, last: number, master: readonly [host: string, port: number]];

const MASTERS = 3;
const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 1_500;
/** That of Redis itself: no node of a busy machine counts as failed. */
export const CALM_NODE_TIMEOUT_MS = 15_000;

/** Called while a slot is open: after it was opened, after each of its keys was moved, and before it is closed. */
export type BetweenSteps = (moved: number) => Promise<void> | void;

/** Three masters, each with a replica when wanted, all real and on 127.0.0.1. Whoever starts it stops it. */
export class RedisCluster {
  private constructor(
    private readonly nodes: Node[],
    private readonly scheme: 'redis' | 'rediss',
    private readonly options: RedisClusterOptions,
  ) {}

  /** Resolves when every node says that the cluster is well and every replica follows its master. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { replicas = 0, certificates } = options;
    const count = MASTERS * (1 + replicas);
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode(options)));
    const cluster = new RedisCluster(nodes, certificates ? 'rediss' : 'redis', options);
    await cluster.join();
    await until(async () => (await Promise.all(nodes.map((node) => isWell(node, count)))).every(Boolean));
    return cluster;
  }

  get servers(): readonly RedisServer[] {
    return this.nodes.map(({ server }) => server);
  }

  get url(): string {
    return `${this.scheme}+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  /** The server that holds this key, as another one than `asked` sees it. */
  async masterOf(key: string, except?: RedisServer): Promise<RedisServer> {
    return this.masterOfSlot(await this.slotOf(key), except);
  }

  /** Resolves with the new holder of this key when the others have replaced the old one. */
  async untilReplaced(key: string, old: RedisServer): Promise<RedisServer> {
    await until(async () => (await this.masterOf(key, old)) !== old);
    return this.masterOf(key, old);
  }

  /** One more master, which serves no slot yet. Resolves when every node knows it. */
  async addMaster(): Promise<RedisServer> {
    const node = await startNode(this.options);
    const [first] = this.nodes;
    this.nodes.push(node);
    await first?.redis.call('CLUSTER', 'MEET', '127.0.0.1', node.server.port, node.busPort);
    await until(async () =>
      (await Promise.all(this.nodes.map((each) => knows(each, this.nodes.length)))).every(Boolean),
    );
    return node.server;
  }

  /** Has the nodes forget one that serves nothing any more. Its process goes on, alone. */
  async forget(server: RedisServer): Promise<void> {
    const gone = this.nodeOf(server);
    const id = await gone.redis.call('CLUSTER', 'MYID');
    const others = this.nodes.filter((node) => node !== gone);
    await Promise.all(others.map(({ redis }) => redis.call('CLUSTER', 'FORGET', String(id))));
    await gone.redis.call('CLUSTER', 'RESET', 'SOFT');
  }

  /**
   * Moves a slot to another master as `redis-cli --cluster reshard` does, but key by key.
   *
   * @param between called while the slot is open
   */
  async moveSlot(slot: number, to: RedisServer, between: BetweenSteps = () => undefined): Promise<void> {
    const source = this.nodeOf(await this.masterOfSlot(slot));
    const target = this.nodeOf(to);
    if (source === target) return;
    const [sourceId, targetId] = await Promise.all(
      [source, target].map(async ({ redis }) => String(await redis.call('CLUSTER', 'MYID'))),
    );
    await target.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId ?? '');
    await source.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId ?? '');
    await between(0);
    for (let moved = 1; ; moved += 1) {
      const [key] = (await source.redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
      if (key === undefined) break;
      await source.redis.call('MIGRATE', '127.0.0.1', to.port, key, 0, 5_000);
      await between(moved);
    }
    const others = this.nodes.filter((node) => node !== source && node !== target && node.server.isRunning);
    for (const { redis } of [target, source, ...others]) {
      // A replica is told by its master.
      await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId ?? '').catch(passReplica);
    }
  }

  /**
   * Resolves when all nodes say the same of who serves what, and since which epoch. Redis tells them by gossip: a node that
   * gets a slot back before that may lose it to a message which is older, and then deletes all keys of the slot, settings and
   * tasks. Ten clusters whose moves did not wait for it lost keys after 17 to 344 moves, without any service.
   */
  async untilAgreed(): Promise<void> {
    const running = this.nodes.filter(({ server }) => server.isRunning);
    await until(async () => {
      const views = await Promise.all(running.map(({ redis }) => redis.call('CLUSTER', 'NODES')));
      return new Set(views.map((view) => ownersIn(String(view)))).size === 1;
    });
  }

  /** Slots that a master serves. */
  async slotsOf(server: RedisServer): Promise<readonly number[]> {
    const ranges = await this.ranges();
    return ranges
      .filter(([, , [, port]]) => port === server.port)
      .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
  }

  /** Deletes every key. One that is being moved may stay. */
  async flush(): Promise<void> {
    await Promise.all(this.nodes.map(({ redis }) => redis.flushall('ASYNC')));
  }

  /** Some of the slots that have keys. */
  async slotsWithKeys(): Promise<readonly number[]> {
    const keys = await Promise.all(
      this.nodes.map(async ({ redis }) => (await redis.scan(0, 'COUNT', 1_000))[1]),
    );
    return [...new Set(await Promise.all(keys.flat().map((key) => this.slotOf(key))))];
  }

  async slotOf(key: string): Promise<number> {
    const [first] = this.nodes;
    return Number(await first?.redis.call('CLUSTER', 'KEYSLOT', key));
  }

  /** Those that serve slots. */
  async masters(): Promise<readonly RedisServer[]> {
    const ports = new Set((await this.ranges()).map(([, , [, port]]) => port));
    return this.servers.filter(({ port }) => ports.has(port));
  }

  /** As `masterOf`, of a slot. */
  async masterOfSlot(slot: number, except?: RedisServer): Promise<RedisServer> {
    const range = (await this.ranges(except)).find(([first, last]) => first <= slot && slot <= last);
    const master = this.servers.find(({ port }) => port === range?.[2][1]);
    if (!master) throw new Error(`Nobody serves slot ${slot}`);
    return master;
  }

  private async ranges(except?: RedisServer): Promise<readonly SlotRange[]> {
    const asked = this.nodes.find(({ server }) => server !== except && server.isRunning);
    if (!asked) throw new Error('No node of the cluster is left to ask');
    return (await asked.redis.call('CLUSTER', 'SLOTS')) as SlotRange[];
  }

  private nodeOf(server: RedisServer): Node {
    const node = this.nodes.find((each) => each.server === server);
    if (!node) throw new Error('Not a node of this cluster');
    return node;
  }

  /** Ends every process and removes what they wrote. */
  async stop(): Promise<void> {
    await Promise.all(
      this.nodes.map(async ({ redis, server }) => {
        redis.disconnect();
        await server.stop();
      }),
    );
  }

  private async join(): Promise<void> {
    const [first, ...others] = this.nodes;
    if (!first) throw new Error('A cluster has nodes');
    await Promise.all(this.nodes.slice(0, MASTERS).map(({ redis }, index) => assign(redis, index)));
    for (const { server, busPort } of others) {
      await first.redis.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
    }
    const ids = await Promise.all(this.nodes.map(({ redis }) => redis.call('CLUSTER', 'MYID')));
    await Promise.all(
      this.nodes.slice(MASTERS).map(async ({ redis }, index) => {
        const master = String(ids[index]);
        await until(async () => String(await redis.call('CLUSTER', 'NODES')).includes(master));
        await redis.call('CLUSTER', 'REPLICATE', master);
      }),
    );
  }
}

/** Of each node: its id, its epoch and its slots. A slot that is open is in brackets, and known to its node alone. */
function ownersIn(nodes: string): string {
  return nodes
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([id, , , , , , epoch, , ...slots]) => [id, epoch, ...slots.filter((each) => !each.startsWith('['))])
    .map((words) => words.join(' '))
    .toSorted()
    .join('\n');
}

function passReplica(error: unknown): void {
  if (!String(error).includes('SETSLOT only with masters')) throw error;
}

async function knows({ redis }: Node, count: number): Promise<boolean> {
  const info = String(await redis.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`);
}

async function startNode({
  args = [],
  certificates,
  nodeTimeoutMs = NODE_TIMEOUT_MS,
}: RedisClusterOptions): Promise<Node> {
  const port = await freePort();
  // By default the port of the bus is 10,000 above the other, where there may be no port.
  const busPort = await freePort();
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)];
  const ports = ['--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'];
  const quick = ['--repl-diskless-sync-delay', '0', '--shutdown-timeout', '0'];
  const tls = certificates ? [...certificates.serverArgs(port), '--tls-cluster', 'yes'] : [];
  const willing = ['--cluster-replica-validity-factor', '0'];
  const server = await RedisServer.start({
    port,
    args: [...cluster, ...ports, ...quick, ...willing, ...tls, ...args],
  });
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    tls: certificates?.clientOptions,
    retryStrategy: () => 100,
    maxRetriesPerRequest: 0,
    disconnectTimeout: 100,
  });
  redis.on('error', () => undefined);
  return { server, busPort, redis };
}

async function assign(redis: Redis, index: number): Promise<void> {
  const first = Math.floor((SLOTS * index) / MASTERS);
  const last = Math.floor((SLOTS * (index + 1)) / MASTERS) - 1;
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
  await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
}

async function isWell({ redis }: Node, count: number): Promise<boolean> {
  const info = String(await redis.call('CLUSTER', 'INFO'));
  const replication = await redis.info('replication');
  const isReplicaBehind =
    replication.includes('role:slave') && !replication.includes('master_link_status:up');
  const nodes = String(await redis.call('CLUSTER', 'NODES'));
  const replicas = nodes.split('\n').filter((line) => line.includes('slave')).length;
  return (
    info.includes('cluster_state:ok') &&
    info.includes(`cluster_known_nodes:${count}`) &&
    replicas === count - MASTERS &&
    !isReplicaBehind
  );
}
