import type { IncomingMessage } from 'node:http';
import { publicPath } from './public-path.js';

/** The `Link` header (RFC 8288) for the next page. It keeps the other query parameters. */
export function nextLink(request: IncomingMessage, cursor: string): string {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `<${publicPath(request, path)}?${parameters.toString()}>; rel="next"`;
}
