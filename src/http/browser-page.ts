import type { IncomingMessage, ServerResponse } from 'node:http';
import { publicPage, publicPath } from './public-path.js';
import { finishReply } from './raw-reply.js';

const LOST_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>No such page · Crucible queue</title>
    <link rel="icon" href="/dashboard/assets/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/dashboard/assets/dashboard.css" />
  </head>
  <body>
    <main class="alone">
      <div class="empty error">
        <h1>No such page</h1>
        <p>The address does not exist on this service.</p>
        <p><a href="/dashboard">Dashboard</a> · <a href="/docs">API</a></p>
      </div>
    </main>
  </body>
</html>
`;

const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Whether a browser asks for a page. Clients of the API accept JSON, or anything. */
export function wantsPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

/** Answers a path that does not exist: `/` leads to the dashboard, others get a page. */
export function sendLostPage(request: IncomingMessage, response: ServerResponse): void {
  if ((request.url ?? '').split('?')[0] === '/') {
    response.statusCode = 303;
    response.setHeader('Location', publicPath(request, '/dashboard'));
    response.setHeader('Content-Length', 0);
    response.end();
  } else {
    response.statusCode = 404;
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    const text = publicPage(request, LOST_PAGE);
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.end(text);
  }
  finishReply(response);
}
