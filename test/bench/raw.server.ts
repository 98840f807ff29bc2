import { createServer, type Server } from 'node:http';
import { ANSWERS } from './answers.js';

/** `node:http` and nothing else: reads the body, answers the bytes that the service answers to an enqueue. */
export function createRawServer(): Server {
  return createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      Buffer.concat(chunks);
      response.statusCode = request.method === 'POST' ? 201 : 200;
      response.setHeader('X-Request-Id', '0123456789ab-1a2b');
      response.setHeader('X-Content-Type-Options', 'nosniff');
      response.setHeader('Cache-Control', 'no-store');
      response.setHeader('Location', '/tasks/b1-1000000');
      response.setHeader('Content-Type', 'application/json');
      response.setHeader('Content-Length', Buffer.byteLength(ANSWERS.enqueued));
      response.end(ANSWERS.enqueued);
    });
  });
}
