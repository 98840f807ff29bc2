import { types } from 'node:util';

/** The reason of an outage in a word or two, safe to log: error messages may quote commands. */
export function describeRedisError(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown error';
  if (isRedirection(error)) return 'a slot is being migrated';
  if (isRedisReply(error)) return isNoCluster(error) ? 'not a Cluster' : replyCode(error.message);
  if (error.message.startsWith('All sentinels are unreachable')) return 'no Sentinel reports a master';
  // In a cluster, the error of the last node is more specific.
  if ('lastNodeError' in error && error.lastNodeError) return describeRedisError(error.lastNodeError);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message === 'Command timed out' ? 'no reply' : 'connection closed';
}

/** Whether the error is a reply of Redis, so that the command had no effect. */
export function isRedisReply(error: unknown): boolean {
  return types.isNativeError(error) && error.name === 'ReplyError';
}

/**
 * Whether cluster nodes rejected a command because its slot has moved or is being migrated. The command had no effect;
 * the client has followed the redirections up to its limit.
 */
export function isRedirection(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  if (error.message.startsWith('Too many Cluster redirections')) return true;
  return isRedisReply(error) && ['TRYAGAIN', 'ASK', 'MOVED'].includes(replyCode(error.message));
}

/** The first word of an error reply: `NOPERM`, `LOADING`, `ERR`. */
export function replyCode(message: string): string {
  return /^-?([A-Z]+)\b/.exec(message)?.[1] ?? 'ERR';
}

function isNoCluster({ message }: Error): boolean {
  return message.includes('cluster support disabled');
}
