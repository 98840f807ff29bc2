import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Rival } from './rival.js';

interface Body {
  readonly code: string;
  readonly tasks: readonly { readonly code: string }[];
  readonly lease_id: string;
  readonly output: object;
}

/** The thinnest HTTP in front of a rival: the routes of the load generator, `JSON.parse`, and an answer of one line. */
export function createRivalServer(rival: Rival): Server {
  return createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      handle(rival, request, Buffer.concat(chunks).toString()).then(
        ([status, answer]) => send(response, status, answer),
        (error: unknown) => {
          console.error(error);
          send(response, 500, {});
        },
      );
    });
  });
}

async function handle(rival: Rival, request: IncomingMessage, text: string): Promise<[number, object]> {
  const [path = ''] = (request.url ?? '').split('?');
  if (path === '/readyz') return [200, {}];
  if (request.method === 'GET') {
    const job = await rival.claim();
    return job === undefined ? [404, {}] : [200, { eval_id: job.id, lease_id: job.lease, code: job.code }];
  }
  const body = JSON.parse(text) as Body;
  if (path === '/tasks') {
    await rival.enqueue(body.code);
    return [201, { status: 'queued' }];
  }
  if (path === '/tasks/batch') {
    await rival.enqueueMany(body.tasks.map(({ code }) => code));
    return [201, { results: body.tasks.length }];
  }
  await rival.complete(path.split('/')[2] ?? '', body.lease_id, body.output);
  return [200, { status: 'completed' }];
}

function send(response: ServerResponse, status: number, answer: object): void {
  const text = JSON.stringify(answer);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}
