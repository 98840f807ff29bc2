/** `node:http` and nothing else: reads the body, answers the bytes that the service answers to an enqueue. */
import { createServer } from 'node:http';
import { ANSWERS } from './answers.js';

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
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
server.listen(Number(process.env.PORT), '127.0.0.1');

// Through the exit, so that a profile is written when one is taken.
process.once('SIGINT', () => process.exit());
