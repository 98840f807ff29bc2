import { types } from 'node:util';

/** Why Redis is not there, in a word or two that are safe to log: messages may quote what was sent. */
export function describeRedisError(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown error';
  if (isRedirection(error)) return 'a slot is being moved';
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

/**
 * Whether the nodes of a Cluster have refused a command because its slot is, or is about to be, on another one. It had
 * no effect. The client has followed them for a while, as far as it can.
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
