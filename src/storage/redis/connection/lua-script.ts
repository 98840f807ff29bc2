import { createHash } from 'node:crypto';
import { types } from 'node:util';
import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { isRedirection } from '../../../redis/redis-error.js';
import { composeScript } from './lua-files.js';

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly Word[];
}

/** An argument. Bytes go as they are. */
export type Word = string | number | Buffer;

/** How many replicas must have a write before it counts, and for how long that is waited for. */
export interface ReplicaWait {
  readonly replicas: number;
  readonly limitMs: number;
}

/** A write is there, on fewer replicas than were asked for. */
export class TooFewReplicas extends Error {
  override readonly name = 'TooFewReplicas';
}

export interface ScriptOptions {
  /** It gives memory back, or keeps a promise that was made: it runs also when Redis is full. */
  readonly runsWhenFull?: boolean;
  /** It changes nothing. Redis refuses any write that it tries, and runs it also when it is full or cannot save. */
  readonly isReadOnly?: boolean;
  /** In a Cluster it is called with one key, and touches no other. */
  readonly hasOneKey?: boolean;
}

/** How a script is run. */
export interface RunOptions {
  /** Resolves when this many replicas have its writes. */
  readonly wait?: ReplicaWait;
  /** Redis refuses it while the slot of its keys is being moved, see `absentBeside`. */
  readonly isCluster?: boolean;
}

/** A script as Redis is sent it. */
interface Form {
  readonly text: string;
  readonly digest: string;
}

/** Takes the key away that is there for Redis alone. */
const WITHOUT_LAST_KEY = 'KEYS[#KEYS] = nil';

/**
 * One script, with all that its file needs. Redis knows it by its digest; a server that does not, after a restart, a failover
 * or SCRIPT FLUSH, is sent the text.
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
   * Runs it once.
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
    // Awaited as above: of two replies that come together, the one that came first must be seen first.
    return await send(client, 'eval', [form.text, ...words], wait);
  }
}

/**
 * A key that never exists, in the slot of `key`. Two keys of which one is missing are refused by every node of a
 * Cluster while their slot is being moved, by the old and by the new one: so a script that is called with it never
 * sees a part of its keys only, however many more it makes the names of.
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
    // The client follows a redirection of a command, but of a pipeline only when nothing in it has been executed.
    const other = otherNode(client, error);
    if (other === undefined) throw error;
    const { node, isAsk } = other;
    const again = isAsk ? node.pipeline().call('ASKING') : node.pipeline();
    again.call(command, words).wait(wait.replicas, wait.limitMs);
    return await replyOf(again, wait);
  }
}

/** The reply of the last command but one, when enough replicas have what it wrote. */
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
