import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long a client may read nothing of an answer; Node looks twice before it takes the connection for dead. */
const STALLED_WRITE_MS = 15_000;

/**
 * Sends text that is JSON already, past Express and its copies. Does nothing when the answer is out or the client is
 * gone.
 */
export function sendJson(
  response: ServerResponse,
  status: number,
  text: string,
  headers?: OutgoingHttpHeaders,
): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = status;
  if (headers) {
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (value !== undefined) response.setHeader(name, value);
    }
  }
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
  finishReply(response);
}

/** After the answer is handed over: a client that does not read it is not kept for ever. */
export function finishReply({ socket }: ServerResponse): void {
  // Zero when the kernel took all of it, which is the rule. The server sets the time-out anew with the next request.
  if (!socket || socket.writableLength === 0) return;
  const general = socket.timeout ?? 0;
  socket.setTimeout(general > 0 ? Math.min(general, STALLED_WRITE_MS) : STALLED_WRITE_MS);
}

type Callback = () => void;

const hangUps = new WeakMap<Socket, Set<Callback>>();

/**
 * Calls back, once, when the connection closes before the answer was written whole. The socket is watched, not the
 * response: one that is pipelined behind another never learns that its connection is gone.
 */
export function onHangUp(response: ServerResponse, callback: Callback): void {
  if (response.writableFinished) return;
  const { socket } = response.req;
  if (socket.destroyed) {
    queueMicrotask(callback);
    return;
  }
  const callbacks = watched(socket);
  const call = () => {
    if (!response.writableFinished) callback();
  };
  callbacks.add(call);
  response.once('finish', () => callbacks.delete(call));
}

/** One listener a socket, however many requests are pipelined on it. */
function watched(socket: Socket): Set<Callback> {
  let callbacks = hangUps.get(socket);
  if (!callbacks) {
    const ofSocket = new Set<Callback>();
    callbacks = ofSocket;
    hangUps.set(socket, ofSocket);
    socket.once('close', () => {
      for (const callback of ofSocket) callback();
      ofSocket.clear();
    });
  }
  return callbacks;
}
