import { randomBytes } from 'node:crypto';
import { openRedisLink } from '../../src/redis/redis-link.js';
import { parseRedisUrl } from '../../src/config/redis-url.js';
import { RedisTaskStore } from '../../src/storage/redis/redis-task-store.js';
import type { StoreLink } from '../../src/storage/redis/connection/store-connection.js';
import type { TaskStore } from '../../src/storage/task-store.js';
import { DEFAULT_BACKOFF } from '../../src/task/retry-policy.js';
import { complete, create } from '../../src/task/task.machine.js';
import { CODE, OUTPUT, type QueueOptions, type RedisQueue } from './redis.queue.js';

const TIMEOUT_MS = 10_000;
const PAYLOAD = `"code":${JSON.stringify(CODE)}`;

/** What opens the Redis store of a build of the service. */
type StoreClass = Pick<typeof RedisTaskStore, 'open'>;

/** The Redis store as the service calls it: with the events, a watcher, and a read before a completion if it needs one. */
export class StoreQueue implements RedisQueue {
  private count = 0;

  private constructor(
    private readonly store: TaskStore,
    private readonly name: string,
  ) {
    // The service always has both, so what they cost belongs to the store.
    store.watch({ onTransitions: () => undefined, onGap: () => undefined });
    store.onCommit(() => undefined);
  }

  /** @param Store of this build by default */
  static async open(options: QueueOptions, Store?: StoreClass): Promise<StoreQueue> {
    return new StoreQueue(await openBenchStore(options, Store), options.name);
  }

  async enqueue(): Promise<void> {
    this.count += 1;
    const spec = {
      id: `${this.name}-${process.pid}-${this.count}`,
      queue: 'default',
      priority: 1,
      language: 'python',
      engine: 'docker',
      timeout: 30,
      maxAttempts: 1,
      maxInterruptions: 3,
      backoff: DEFAULT_BACKOFF,
    };
    const transition = create(spec, this.store.clock.now());
    const [present] = await this.store.insert([{ transition, payload: PAYLOAD }]);
    if (present !== undefined) throw new Error(`There is a task ${spec.id} already`);
  }

  async cycle(): Promise<void> {
    // As long as those of the service.
    const leaseId = `0-${randomBytes(30).toString('base64url')}`;
    const grant = { workerId: 'w1', grace: 30 };
    const [claimed] = await this.store.claim({ queues: ['default'], leaseIds: [leaseId], grant });
    if (claimed === undefined) throw new Error('The store has no task left');
    const { id } = claimed.task.spec;
    // An earlier build, as a baseline, has no memory.
    const { recall }: Partial<TaskStore> = this.store;
    const task = recall?.call(this.store, id) ?? (await this.store.find(id));
    const transition = task && complete(task, { leaseId }, this.store.clock.now());
    const [isWritten] = transition
      ? await this.store.replace([Object.assign(transition, { output: OUTPUT })])
      : [];
    if (isWritten !== true) throw new Error('A completion was refused');
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** @param Store of this build by default */
export async function openBenchStore(
  { port, name }: QueueOptions,
  Store: StoreClass = RedisTaskStore,
): Promise<TaskStore> {
  return Store.open({
    link: await openLink(port),
    keyPrefix: name,
    events: { channelPrefix: name, streamLength: 10_000 },
    settings: { retention: 86_400, retentionMaxTasks: 1_000_000, retentionMaxBytes: 2 ** 32 },
    replicas: 0,
    limitMs: TIMEOUT_MS,
  });
}

async function openLink(port: number): Promise<StoreLink> {
  const endpoint = parseRedisUrl(`redis://127.0.0.1:${port}`);
  const link = openRedisLink({ endpoint, name: 'bench', timeoutMs: TIMEOUT_MS });
  await link.ready(TIMEOUT_MS);
  return link;
}
