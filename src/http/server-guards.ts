import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { tooLarge } from './body-reader.js';
import { isStreaming } from './body-stream.js';
import type { HttpLimits } from './http-limits.js';
import { ProblemError } from './problem.error.js';
import { rawProblem, sendProblem } from './problem-writer.js';

/** Answers with problems where Node would send an empty body or no response. */
export function guardServer(server: Server, limits: HttpLimits): void {
  server.on('clientError', refuseBroken);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    socket.end(
      rawProblem(new ProblemError('method_not_allowed', 'The service is not a proxy; it refuses CONNECT')),
    );
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    sendProblem(
      request,
      response,
      new ProblemError('expectation_failed', 'Only Expect: 100-continue is supported'),
    );
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // Only streamed bodies come by PUT; their handlers have limits of their own.
    const isStreamed = request.method === 'PUT';
    if (!isStreamed && Number(request.headers['content-length'] ?? 0) > limits.maxBodyBytes) {
      sendProblem(request, response, tooLarge(limits));
    } else {
      // The reader of the body sends 100-continue, so a client refused earlier has sent no body.
      server.emit('request', request, response);
    }
  });
}

/** The fields that Node keeps on a socket during a response. */
interface Answering {
  readonly _httpMessage?: { readonly headersSent: boolean } | null;
}

function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  // The handler of a streamed body watches its progress.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isStreaming(socket as Socket)) return;
  const { _httpMessage: underWay } = socket as Socket & Answering;
  const isMute = error.code === 'ECONNRESET' || !socket.writable || underWay?.headersSent === true;
  if (!isMute) (socket as Socket).write(rawProblem(problemOf(error.code ?? '')));
  socket.destroy();
}

function problemOf(code: string): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('headers_too_large', 'Send fewer or shorter headers');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new ProblemError('too_large', 'Send the chunks without extensions');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('request_timeout', 'Send the whole request without long pauses');
    default:
      return new ProblemError('malformed_request', 'The request is not well-formed HTTP');
  }
}
