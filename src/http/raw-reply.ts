import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BufferedBytes } from './buffered-bytes.js';

/** Milliseconds that a client can leave a response unread; Node checks twice before it closes the connection. */
const STALLED_WRITE_MS = 15_000;
const FEW_PARTS = 8;

/**
 * Sends text that is already JSON, bypassing Express and its copies. Does nothing if the response is sent or the client
 * has disconnected.
 */
export function sendJson(
  response: ServerResponse,
  status: number,
  text: string,
  headers?: OutgoingHttpHeaders,
): void {
  if (response.headersSent || response.destroyed) return;
  const list: OutgoingHttpHeader[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) list.push(name, value);
  }
  list.push('Content-Type', 'application/json', 'Content-Length', Buffer.byteLength(text));
  response.writeHead(status, list);
  response.end(text);
  finishReply(response);
}

/** The same for a long text in parts, each encoded in its own turn of the event loop. */
export function sendJsonParts(response: ServerResponse, parts: readonly Buffer[]): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = 200;
  response.setHeader('Content-Type', 'application/json');
  response.setHeader(
    'Content-Length',
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  // Few parts leave as one write.
  if (parts.length <= FEW_PARTS) response.end(Buffer.concat(parts));
  else {
    for (const part of parts) response.write(part);
    response.end();
  }
  finishReply(response);
}

/** Call it after the response: it closes the connection of a client that does not read. */
export function finishReply(response: ServerResponse): void {
  const release = BufferedBytes.of(response)?.holdAnswer(response);
  if (release) onAnswered(response, release);
  const { socket } = response;
  // Usually zero: the kernel took everything. The server sets the timeout again for the next request.
  if (!socket || socket.writableLength === 0) return;
  const general = socket.timeout ?? 0;
  socket.setTimeout(general > 0 ? Math.min(general, STALLED_WRITE_MS) : STALLED_WRITE_MS);
}

/** Called once, with whether the whole response has left the process. */
type Ending = (isWhole: boolean) => void;

const endings = new WeakMap<Socket, Set<() => void>>();
/** Responses whose connection closed early although Node reports them as written. */
const cutOff = new WeakSet<ServerResponse>();

/** Calls back, once, if the connection closes before the whole response is written. */
export function onHangUp(response: ServerResponse, callback: () => void): void {
  onAnswered(response, (isWhole) => {
    if (!isWhole) callback();
  });
}

/**
 * Calls back, once, when the kernel has the whole response or the connection closes earlier. Watches the socket, not
 * the response. A response pipelined behind another is not notified when its connection closes. A response whose socket
 * is destroyed midway still emits `finish`.
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
  // Before the server's own listener, which may close the connection after its last response.
  response.prependOnceListener('finish', () => {
    if (closings.delete(close)) callback(isSound(socket));
  });
}

/** Records how the response ends, for `isWhole`. */
export function noteEnd(response: ServerResponse): void {
  response.prependOnceListener('finish', noteCutOff);
}

/** Whether the kernel got the whole response. Requires an earlier `noteEnd`. */
export function isWhole(response: ServerResponse): boolean {
  return response.writableFinished && !cutOff.has(response);
}

function noteCutOff(this: ServerResponse): void {
  if (!isSound(this.req.socket)) cutOff.add(this);
}

/** Node calls the callbacks of all pending writes as successful when a socket is destroyed or a write fails. */
function isSound({ destroyed, errored }: Socket): boolean {
  return !destroyed && !errored;
}

/** One listener per socket, for any number of pipelined requests. */
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
