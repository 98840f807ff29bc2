import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import type { Cluster, Redis } from 'ioredis';

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

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
  /** Files that come before it, see the headers there. */
  readonly parts?: readonly string[];
  /** It gives memory back, or keeps a promise that was made: it runs also when Redis is full. */
  readonly runsWhenFull?: boolean;
  /** It changes nothing. Redis refuses any write that it tries, and runs it also when it is full or cannot save. */
  readonly isReadOnly?: boolean;
}

/**
 * One script of the folder `scripts`. Redis knows it by its digest; a server that does not, after a restart, a failover
 * or SCRIPT FLUSH, is sent the text.
 */
export class LuaScript {
  private readonly text: string;
  private readonly digest: string;

  /** @throws Error when a file is missing */
  constructor(name: string, options: ScriptOptions = {}) {
    this.text = [`#!lua${flagsOf(options)}`, ...[...(options.parts ?? []), name].map(read)].join('\n');
    this.digest = createHash('sha1').update(this.text).digest('hex');
  }

  /**
   * Runs it once.
   *
   * @throws TooFewReplicas when it ran, and too few replicas had it in time
   */
  async run(client: Redis | Cluster, call: ScriptCall, wait?: ReplicaWait): Promise<unknown> {
    try {
      return await this.send(client, call, wait, 'evalsha');
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
    }
    // Awaited as above: of two replies that come together, the one that came first must be seen first.
    return await this.send(client, call, wait, 'eval');
  }

  private async send(
    client: Redis | Cluster,
    { keys, args }: ScriptCall,
    wait: ReplicaWait | undefined,
    command: 'eval' | 'evalsha',
  ): Promise<unknown> {
    const script = command === 'eval' ? this.text : this.digest;
    // One array: as arguments of the call, thousands of tasks would overflow the stack.
    const words = [script, keys.length, ...keys, ...args];
    if (wait === undefined) return client.call(command, words);
    const pipeline = client.pipeline();
    pipeline.call(command, words).wait(wait.replicas, wait.limitMs);
    const [[scriptError, reply] = [], [waitError, replicas] = []] = (await pipeline.exec()) ?? [];
    if (scriptError) throw scriptError;
    if (waitError) throw waitError;
    if (Number(replicas) < wait.replicas) {
      throw new TooFewReplicas(`${String(replicas)} of ${wait.replicas} replicas have the write`);
    }
    return reply;
  }
}

function flagsOf({ runsWhenFull, isReadOnly }: ScriptOptions): string {
  if (isReadOnly) return ' flags=no-writes';
  return runsWhenFull ? ' flags=allow-oom' : '';
}

function isUnknownScript(error: unknown): boolean {
  return types.isNativeError(error) && error.message.startsWith('NOSCRIPT');
}

function read(name: string): string {
  return readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8');
}
