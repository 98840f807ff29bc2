import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client may go on sending after its answer is out. */
const LINGER_MS = 2_000;
/** A body of this size is read to its end more cheaply than a new connection is made. */
const SMALL_REST_BYTES = 64 * 1024;

/**
 * Prepares a connection for an answer that goes out before the request was read to its end. Closing a socket with
 * unread bytes resets it, and the reset can overtake the answer; so the rest is read and forgotten for a while.
 */
export function closeGently(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete) return;
  const { socket } = request;
  if (!(Number(request.headers['content-length'] ?? Infinity) <= SMALL_REST_BYTES)) {
    response.setHeader('Connection', 'close');
  }
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    if (request.complete || socket.destroyed) {
      destroySoon();
      return;
    }
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    request.once('end', destroySoon);
    socket.once('close', () => clearTimeout(timer));
  };
}
