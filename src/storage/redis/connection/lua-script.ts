import { createHash } from 'node:crypto';
import { types } from 'node:util';
import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { isRedirection } from '../../../redis/redis-error.js';
import { composeScript } from './lua-files.js';

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly Word[];
}

/** An argument. Bytes are sent unchanged. */
export type Word = string | number | Buffer;

/** The replicas that must have a write, and the longest wait for them. */
export interface ReplicaWait {
  readonly replicas: number;
  readonly limitMs: number;
}

/** A write was applied, but on fewer replicas than required. */
export class TooFewReplicas extends Error {
  override readonly name = 'TooFewReplicas';
}

export interface ScriptOptions {
  /** The script frees memory or keeps a promise, so it also runs when Redis is full. */
  readonly runsWhenFull?: boolean;
  /** The script is read-only. Redis refuses its writes, and runs it also when it is full or cannot save. */
  readonly isReadOnly?: boolean;
  /** In a Cluster the script gets one key, and touches no other. */
  readonly hasOneKey?: boolean;
}

/** The options of a run. */
export interface RunOptions {
  /** Resolves when this many replicas have its writes. */
  readonly wait?: ReplicaWait;
  /** Redis refuses the script while the slot of its keys is being moved, see `absentBeside`. */
  readonly isCluster?: boolean;
}

/** The text and the digest of a script. */
interface Form {
  readonly text: string;
  readonly digest: string;
}

/** Removes the key that only Redis needs. */
const WITHOUT_LAST_KEY = 'KEYS[#KEYS] = nil';

/**
 * A script with all that its file needs. Redis runs it by its digest. A server that does not know it, after a restart,
 * a failover or SCRIPT FLUSH, gets the text.
 */
export class LuaScript {
  private readonly plain: Form;
  private readonly guarded: Form;
  private readonly hasOneKey: boolean;

  /** @throws Error when a file is missing, or files need each other */
  constructor(name: string, options: ScriptOptions = {}) {
    const head = `#!lua${flagsOf(options)}`;
    const body = composeScript(name);
    this.plain = formOf(`${head}\n${body}`);
    this.guarded = formOf(`${head}\n${WITHOUT_LAST_KEY}\n${body}`);
    this.hasOneKey = options.hasOneKey ?? false;
  }

  /**
   * Runs the script once.
   *
   * @throws TooFewReplicas when it ran, and too few replicas had it in time
   */
  async run(client: Redis | Cluster, call: ScriptCall, options: RunOptions = {}): Promise<unknown> {
    const { wait, isCluster = false } = options;
    const [first] = call.keys;
    const isGuarded = isCluster && !this.hasOneKey && first !== undefined;
    const form = isGuarded ? this.guarded : this.plain;
    const keys = isGuarded ? [...call.keys, absentBeside(first)] : call.keys;
    const words = [keys.length, ...keys, ...call.args];
    try {
      return await send(client, 'evalsha', [form.digest, ...words], wait);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
    }
    // Awaited as above: of two replies that arrive together, the earlier one must be handled first.
    return await send(client, 'eval', [form.text, ...words], wait);
  }
}

/**
 * A key that never exists, in the slot of `key`. While a slot is being moved, both its old and its new node refuse a
 * script with two keys of which one is missing. So a script that gets this key never sees only a part of its keys, even
 * of those whose names it derives.
 */
function absentBeside(key: string): string {
  return `${key.slice(0, key.indexOf('}') + 1)}:absent`;
}

/** @param words one array: as arguments of the call, thousands of tasks would overflow the stack */
async function send(
  client: Redis | Cluster,
  command: 'eval' | 'evalsha',
  words: Word[],
  wait: ReplicaWait | undefined,
): Promise<unknown> {
  if (wait === undefined) return client.call(command, words);
  const pipeline = client.pipeline();
  pipeline.call(command, words).wait(wait.replicas, wait.limitMs);
  try {
    return await replyOf(pipeline, wait);
  } catch (error) {
    // The client follows a redirected command, but a redirected pipeline only if none of its commands was executed.
    const other = otherNode(client, error);
    if (other === undefined) throw error;
    const { node, isAsk } = other;
    const again = isAsk ? node.pipeline().call('ASKING') : node.pipeline();
    again.call(command, words).wait(wait.replicas, wait.limitMs);
    return await replyOf(again, wait);
  }
}

/** The reply of the last command but one, if enough replicas have its writes. */
async function replyOf(pipeline: ChainableCommander, wait: ReplicaWait): Promise<unknown> {
  const results = (await pipeline.exec()) ?? [];
  const [[scriptError, reply] = [], [waitError, replicas] = []] = results.slice(-2);
  if (scriptError) throw scriptError;
  if (waitError) throw waitError;
  if (Number(replicas) < wait.replicas) {
    throw new TooFewReplicas(`${String(replicas)} of ${wait.replicas} replicas have the write`);
  }
  return reply;
}

/** Where the nodes of a Cluster say that a slot is, or a key of a slot that is being moved. */
function otherNode(
  client: Redis | Cluster,
  error: unknown,
): { readonly node: Redis; readonly isAsk: boolean } | undefined {
  if (!('nodes' in client) || !isRedirection(error) || !types.isNativeError(error)) return undefined;
  const [code, , address] = error.message.split(' ');
  const node = client.nodes('all').find(({ options: { host, port } }) => `${host}:${port}` === address);
  return node && code !== 'TRYAGAIN' ? { node, isAsk: code === 'ASK' } : undefined;
}

function formOf(text: string): Form {
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}

function flagsOf({ runsWhenFull, isReadOnly }: ScriptOptions): string {
  if (isReadOnly) return ' flags=no-writes';
  return runsWhenFull ? ' flags=allow-oom' : '';
}

function isUnknownScript(error: unknown): boolean {
  return types.isNativeError(error) && error.message.startsWith('NOSCRIPT');
}
