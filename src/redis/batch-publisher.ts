import { types } from 'node:util';
import type { Redis } from 'ioredis';
import { describeRedisError, isRedisReply, replyCode } from './redis-error.js';

/** The outcome of a pipeline. */
export interface Delivery {
  /** The number of messages that Redis confirmed. */
  readonly accepted: number;
  /** The code of the first error reply, if Redis rejected some messages. */
  readonly refusal?: string;
  /**
   * The reason for a missing reply. The other messages may have been published; the caller must drop the connection.
   */
  readonly failure?: string;
}

// One command per pipeline costs this process a quarter of one command per message.
const PUBLISH_ALL = `
local accepted, refusal = 0, ''
for i = 1, #ARGV, 2 do
  local reply = redis.pcall('PUBLISH', ARGV[i], ARGV[i + 1])
  if type(reply) == 'number' then
    accepted = accepted + 1
  elseif refusal == '' then
    refusal = reply.err
  end
end
return {accepted, refusal}`;

/**
 * Publishes pipelines of messages to Redis channels, each message at most once and in order.
 *
 * Each is one script, or a Redis pipeline if the user lacks permission for scripts.
 */
export class BatchPublisher {
  private isScriptRefused = false;

  constructor(private readonly redis: Redis) {}

  /**
   * Never rejects.
   *
   * @param pairs channel, message, channel, message, …
   */
  async publish(pairs: readonly string[]): Promise<Delivery> {
    try {
      return this.isScriptRefused ? await this.runPipeline(pairs) : await this.runScript(pairs);
    } catch (error) {
      const reason = describeRedisError(error);
      if (!isRedisReply(error)) return { accepted: 0, failure: reason };
      if (!isForbidden(error)) return { accepted: 0, refusal: reason };
      // Rejected before it ran, so no message was published.
      this.isScriptRefused = true;
      return this.publish(pairs);
    }
  }

  private async runScript(pairs: readonly string[]): Promise<Delivery> {
    const reply: unknown = await this.redis.eval(PUBLISH_ALL, 0, ...pairs);
    const [accepted, refusal] = reply as [number, string];
    return { accepted, refusal: refusal === '' ? undefined : codeInScript(refusal) };
  }

  private async runPipeline(pairs: readonly string[]): Promise<Delivery> {
    const pipeline = this.redis.pipeline();
    for (let i = 0; i < pairs.length; i += 2) pipeline.publish(pairs[i] ?? '', pairs[i + 1] ?? '');
    const results = (await pipeline.exec()) ?? [];
    const errors = results.map(([error]) => error).filter((error) => error !== null);
    const refusal = errors.find(isRedisReply);
    const failure = errors.find((error) => !isRedisReply(error));
    return {
      accepted: results.length - errors.length,
      refusal: refusal && describeRedisError(refusal),
      failure: failure && describeRedisError(failure),
    };
  }
}

/** Whether the command is forbidden or unknown, as opposed to temporarily unavailable. */
function isForbidden(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  return error.message.startsWith('NOPERM') || error.message.includes('unknown command');
}

/** Redis words a missing permission differently inside a script. */
function codeInScript(message: string): string {
  return /ACL failure|user executing the script/.test(message) ? 'NOPERM' : replyCode(message);
}
