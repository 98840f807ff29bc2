import { setTimeout as pause } from 'node:timers/promises';
import { types } from 'node:util';
import type { Cluster, Redis } from 'ioredis';
import { describeRedisError, isRedirection, isRedisReply } from '../../../redis/redis-error.js';
import type { Subscription, SubscriptionOptions } from '../../../redis/subscription.js';
import { StoreUnavailable } from '../../task-store.js';
import { LuaScript, type ReplicaWait, type ScriptCall, TooFewReplicas } from './lua-script.js';

const CONFIRM = new LuaScript('confirm', { runsWhenFull: true, hasOneKey: true });

/** The part of the link that the store uses. */
export interface StoreLink {
  readonly client: Redis | Cluster;
  /** For writes that wait for replicas. */
  readonly writer: Redis | Cluster;
  readonly isAvailable: boolean;
  /** Keys of one script must be on one node. */
  readonly isCluster: boolean;
  /** By one more connection, which is closed with the link. */
  subscribe(options: SubscriptionOptions): Subscription;
  /** Calls `listener` when Redis becomes unavailable, and when it is available again. */
  onChange(listener: (isAvailable: boolean) => void): void;
  close(): Promise<void>;
}

/** The names of the methods that return promises. */
type CallOf<T> = {
  [Name in keyof T]: T[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof T];

/** The most queues that one script reads, because other commands wait for it. */
const QUEUES_PER_STEP = 48;

export interface StoreConnectionOptions {
  readonly link: StoreLink;
  /** Replicas that must have a write before the store acknowledges it. */
  readonly replicas: number;
  /** The longest wait for them, in milliseconds. */
  readonly limitMs: number;
}

/** Milliseconds before a command is sent again that no node accepted, because its slot is being moved. */
const TRY_AGAIN_MS = 20;

/**
 * Sends the commands of the store, and says whether a failed one may have been applied. Every command is executed at
 * most once. Only a command that the nodes of a Cluster refused, because its slot is being moved, is sent again.
 */
export class StoreConnection {
  private readonly link: StoreLink;
  private readonly wait?: ReplicaWait;
  private readonly limitMs: number;
  // A count, because V8 would copy a set of pending calls repeatedly, see `recent-map.ts`.
  private underWay = 0;
  private onIdle: () => void = () => undefined;
  private isClosed = false;

  constructor({ link, replicas, limitMs }: StoreConnectionOptions) {
    this.link = link;
    this.limitMs = limitMs;
    // Shorter than the time after which a connection counts as silent, so that the error can name the missing replicas.
    if (replicas > 0) this.wait = { replicas, limitMs: limitMs / 2 };
  }

  get isCluster(): boolean {
    return this.link.isCluster;
  }

  get isAvailable(): boolean {
    return this.link.isAvailable && !this.isClosed;
  }

  /** Groups of queues for one script or command. In a Cluster, each queue is a group of its own. */
  groupsOf<Queue>(queues: readonly Queue[]): readonly (readonly Queue[])[] {
    return slicesOf(queues, this.isCluster ? 1 : QUEUES_PER_STEP);
  }

  /** @throws StoreUnavailable when the store is closed or unavailable */
  requireOpen(): void {
    if (this.isClosed) throw new StoreUnavailable('The store is closed', false);
    if (!this.link.isAvailable) throw new StoreUnavailable('Redis is unavailable', false);
  }

  /**
   * Replaces methods of a part of the port. Calls are refused while the store is unavailable, and `close` waits for
   * them.
   */
  guard<T extends object>(part: T, calls: readonly CallOf<T>[]): void {
    for (const name of calls) {
      const method = part[name] as (...args: unknown[]) => Promise<unknown>;
      const guarded = (...args: unknown[]) => this.during(() => method.apply(part, args));
      Object.defineProperty(part, name, { value: guarded, configurable: true, writable: true });
    }
  }

  /** Refuses `work` while the store is unavailable. `close` waits for it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.requireOpen();
    this.underWay += 1;
    try {
      return await work();
    } finally {
      this.underWay -= 1;
      if (this.underWay === 0) this.onIdle();
    }
  }

  /** @throws StoreUnavailable */
  async read<T>(command: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    try {
      return await this.untilTaken(() => command(this.link.client));
    } catch (error) {
      throw new StoreUnavailable(`Redis is unavailable: ${describeRedisError(error)}`, false, {
        cause: error,
      });
    }
  }

  /** Runs a read-only script. @throws StoreUnavailable */
  readScript(script: LuaScript, call: ScriptCall): Promise<unknown> {
    return this.read((client) => script.run(client, call, { isCluster: this.isCluster }));
  }

  /** Runs a command that writes. @throws StoreUnavailable */
  async write<T>(command: (client: Redis | Cluster, wait?: ReplicaWait) => Promise<T>): Promise<T> {
    try {
      return await this.untilTaken(() => command(this.link.writer, this.wait));
    } catch (error) {
      const applied = isWithoutEffect(error) ? false : 'unknown';
      const reason = error instanceof TooFewReplicas ? error.message : describeRedisError(error);
      throw new StoreUnavailable(`Redis did not confirm the write: ${reason}`, applied, { cause: error });
    }
  }

  /**
   * Runs a script that writes, and waits for the replicas.
   *
   * @param take receives the reply before any later reply is read, so that transitions are published in the order of scripts
   * @throws StoreUnavailable
   */
  async writeScript<T>(script: LuaScript, call: ScriptCall, take: (reply: unknown) => T): Promise<T> {
    const { isCluster } = this;
    return take(await this.write((client, wait) => script.run(client, call, { wait, isCluster })));
  }

  /**
   * Resolves when the data read from a queue is as safe as an acknowledged write. WAIT covers only writes of its own
   * connection, so the script writes a key.
   *
   * @throws StoreUnavailable
   */
  async confirm(key: string): Promise<void> {
    if (this.wait !== undefined) await this.writeScript(CONFIRM, { keys: [key], args: [] }, () => undefined);
  }

  /** Sends a command again while no node accepts it, up to the longest time of a command. */
  private async untilTaken<T>(send: () => Promise<T>): Promise<T> {
    let limit: AbortSignal | undefined;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        limit ??= AbortSignal.timeout(this.limitMs);
        if (limit.aborted || !this.link.isAvailable || !this.isNotTaken(error)) throw error;
      }
      await pause(TRY_AGAIN_MS);
    }
  }

  /** Whether nodes of a Cluster redirected it in a circle, or the client was not connected to the right one yet. */
  private isNotTaken(error: unknown): boolean {
    return this.isCluster && (isRedirection(error) || isNotSent(error));
  }

  /** Waits for pending calls, then releases the connection. */
  async close(): Promise<void> {
    this.isClosed = true;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      if (this.underWay === 0) resolve();
    });
    await this.link.close();
  }
}

/** The nodes that have the keys; several in a Cluster. */
export function mastersOf(client: Redis | Cluster): readonly Redis[] {
  return 'nodes' in client ? client.nodes('master') : [client];
}

/**
 * A step of a call that may have written before. Its failure must not deny that.
 *
 * @throws StoreUnavailable with `applied: "unknown"`
 */
export async function afterWrites<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw asPartFailed(error);
  }
}

/** The error of a step whose call may have written something. */
export function asPartFailed(error: unknown): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  return new StoreUnavailable('A part of the call failed', 'unknown', { cause: error });
}

/** Whether a call was refused because the slot of its keys is being moved. Other slots are not affected. */
export function isSlotMoving(error: unknown): error is StoreUnavailable {
  return error instanceof StoreUnavailable && isRedirection(error.cause);
}

/** Redis refused the call as a whole, or it was never sent. A failed script may have written something first. */
function isWithoutEffect(error: unknown): boolean {
  if (isRedirection(error) || isNotSent(error)) return true;
  return isRedisReply(error) && !isFromScript(error);
}

function isNotSent(error: unknown): boolean {
  return types.isNativeError(error) && error.message.includes('enableOfflineQueue');
}

/** The text that Redis adds to the error of a script, or of a command in it. */
function isFromScript(error: unknown): boolean {
  return types.isNativeError(error) && / script: [0-9a-f]{40}, on /.test(error.message);
}

/** The names in slices of `size`. */
export function slicesOf<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}
