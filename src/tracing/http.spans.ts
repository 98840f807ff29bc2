import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requestIdOf } from '../http/request-id.js';
import { methodOf, routeOf, statusOf } from '../http/request-watch.js';
import type { Span } from './span.js';
import { parseTraceparent } from './trace-context.js';
import type { Tracer } from './tracer.js';

/** Node publishes each request here, before the server sees it. */
const REQUESTS = 'http.server.request.start';

interface Message {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A span for each request, in the trace that its `traceparent` names. Returns what ends it. */
export function traceHttp(tracer: Tracer): () => void {
  const begin = (message: unknown) => {
    beginRequest(tracer, message as Message);
  };
  subscribe(REQUESTS, begin);
  return () => unsubscribe(REQUESTS, begin);
}

function beginRequest(tracer: Tracer, { request, response }: Message): void {
  const method = methodOf(request);
  const parent = parseTraceparent(request.headers.traceparent);
  const span = tracer.start({
    name: method,
    kind: 'server',
    parent,
    attributes: { 'http.request.method': method },
  });
  // Also for one that is not kept: the request before it on this connection is over.
  tracer.enter(span);
  if (span === undefined) return;
  response.once('close', () => {
    describe(span, request, response);
    tracer.end(span);
  });
}

/** By the conventions for HTTP servers; never the query. */
function describe(span: Span, request: IncomingMessage, response: ServerResponse): void {
  const route = routeOf(request);
  const status = statusOf({ response });
  if (route !== undefined) span.name = `${methodOf(request)} ${route}`;
  Object.assign(span.attributes, {
    'http.route': route,
    'http.response.status_code': status,
    'url.scheme': 'http',
    'crucible.request_id': requestIdOf(request),
  });
  if (status === undefined || status >= 500) {
    span.attributes['error.type'] = status === undefined ? 'gone' : String(status);
    span.fail();
  }
}
