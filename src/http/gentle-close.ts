import type { IncomingMessage, ServerResponse } from 'node:http';

/** Milliseconds that a client can continue to send after the response. */
const LINGER_MS = 2_000;
/** Reading a remainder of this size costs less than a new connection. */
const SMALL_REST_BYTES = 64 * 1024;

/**
 * Prepares a connection for a response that precedes the end of its request. Closing a socket with unread bytes resets
 * it, and the reset can overtake the response. So the rest is read and discarded for a while.
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
