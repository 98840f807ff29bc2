import { types } from 'node:util';

/** Why Redis is not there, in a word or two that are safe to log: messages may quote what was sent. */
export function describeRedisError(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown error';
  if (isRedisReply(error)) return isNoCluster(error) ? 'not a Cluster' : replyCode(error.message);
  if (error.message.startsWith('All sentinels are unreachable')) return 'no Sentinel names a master';
  // Of a cluster: the error of the last node says more.
  if ('lastNodeError' in error && error.lastNodeError) return describeRedisError(error.lastNodeError);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message === 'Command timed out' ? 'no reply' : 'connection closed';
}

/** Whether Redis itself answered with this error, so that the command had no effect. */
export function isRedisReply(error: unknown): boolean {
  return types.isNativeError(error) && error.name === 'ReplyError';
}

/** The first word of an error reply: `NOPERM`, `LOADING`, `ERR`. */
export function replyCode(message: string): string {
  return /^-?([A-Z]+)\b/.exec(message)?.[1] ?? 'ERR';
}

function isNoCluster({ message }: Error): boolean {
  return message.includes('cluster support disabled');
}
