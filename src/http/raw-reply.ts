import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BufferedBytes } from './buffered-bytes.js';

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
export function finishReply(response: ServerResponse): void {
  const release = BufferedBytes.of(response)?.holdAnswer(response);
  if (release) onAnswered(response, release);
  const { socket } = response;
  // Zero when the kernel took all of it, which is the rule. The server sets the time-out anew with the next request.
  if (!socket || socket.writableLength === 0) return;
  const general = socket.timeout ?? 0;
  socket.setTimeout(general > 0 ? Math.min(general, STALLED_WRITE_MS) : STALLED_WRITE_MS);
}

/** Is told, once, whether an answer has left the process whole. */
type Ending = (isWhole: boolean) => void;

const endings = new WeakMap<Socket, Set<() => void>>();
/** Answers that ended with their connection, although Node says that they were written. */
const cutOff = new WeakSet<ServerResponse>();

/** Calls back, once, when the connection closes before the answer was written whole. */
export function onHangUp(response: ServerResponse, callback: () => void): void {
  onAnswered(response, (isWhole) => {
    if (!isWhole) callback();
  });
}

/**
 * Calls back, once, when the answer was handed to the kernel whole, or when the connection closes before. The socket is
 * watched, not the response: one that is pipelined behind another never learns that its connection is gone, and one
 * whose socket is destroyed in the middle emits `finish` all the same.
 */
export function onAnswered(response: ServerResponse, callback: Ending): void {
  const { socket } = response.req;
  if (response.writableFinished || socket.destroyed) {
    const isWhole = response.writableFinished && isSound(socket);
    queueMicrotask(() => callback(isWhole));
    return;
  }
  const closings = watched(socket);
  const close = () => callback(false);
  closings.add(close);
  // Before the server's own listener, which may close the connection after its last answer.
  response.prependOnceListener('finish', () => {
    if (closings.delete(close)) callback(isSound(socket));
  });
}

/** Notes how the answer ends, for `isWhole`. */
export function noteEnd(response: ServerResponse): void {
  response.prependOnceListener('finish', noteCutOff);
}

/** Whether the answer was handed to the kernel whole. To be asked after `noteEnd`. */
export function isWhole(response: ServerResponse): boolean {
  return response.writableFinished && !cutOff.has(response);
}

function noteCutOff(this: ServerResponse): void {
  if (!isSound(this.req.socket)) cutOff.add(this);
}

/** When a socket is destroyed, or a write fails, the callbacks of all writes that wait are called, as if they were done. */
function isSound({ destroyed, errored }: Socket): boolean {
  return !destroyed && !errored;
}

/** One listener a socket, however many requests are pipelined on it. */
function watched(socket: Socket): Set<() => void> {
  const known = endings.get(socket);
  if (known !== undefined) return known;
  const closings = new Set<() => void>();
  endings.set(socket, closings);
  socket.once('close', () => {
    for (const close of closings) close();
    closings.clear();
  });
  return closings;
}
