import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ClientGone } from './client-gone.error.js';
import { ProblemError } from './problem.error.js';

/** Milliseconds that a client can pause a streamed body. */
export const LONGEST_PAUSE_MS = 20_000;

const streaming = new WeakMap<Socket, number>();

/** Whether a body of any duration is arriving on this connection. The time limit of a request does not end it. */
export function isStreaming(socket: Socket): boolean {
  return (streaming.get(socket) ?? 0) > 0;
}

/**
 * The body of a request in chunks, as they arrive, for any size and duration. Reads no further than the caller does.
 *
 * The caller ends the request: the stream rejects and leaves the connection open for a response.
 *
 * @throws ProblemError `request_timeout` when the client pauses for too long, ClientGone
 */
export async function* bodyChunks(
  request: IncomingMessage,
  longestPauseMs = LONGEST_PAUSE_MS,
): AsyncGenerator<Buffer, void, undefined> {
  const { socket } = request;
  streaming.set(socket, (streaming.get(socket) ?? 0) + 1);
  try {
    while (!request.readableEnded) {
      const chunk = request.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else await arrival(request, longestPauseMs);
    }
  } finally {
    streaming.set(socket, (streaming.get(socket) ?? 1) - 1);
  }
}

/** Resolves when there is something to read, or nothing more. */
function arrival(request: IncomingMessage, longestPauseMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      clearTimeout(timer);
      request.off('readable', arrived).off('end', arrived).off('error', left).off('close', left);
      act();
    };
    const arrived = settle(resolve);
    const left = settle(() => reject(new ClientGone()));
    const timer = setTimeout(
      settle(() => reject(tooSlow(longestPauseMs))),
      longestPauseMs,
    );
    if (request.readableEnded) arrived();
    else if (request.destroyed) left();
    else request.on('readable', arrived).on('end', arrived).on('error', left).on('close', left);
  });
}

function tooSlow(longestPauseMs: number): ProblemError {
  const detail = `The body paused for ${longestPauseMs / 1000} s; send it without long pauses`;
  return new ProblemError('request_timeout', detail, { headers: { Connection: 'close' } });
}
