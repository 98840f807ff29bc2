import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { requestIdOf } from '../http/request-id.js';
import { methodOf, routeOf, statusOf } from '../http/request-watch.js';
import type { RequestTracer } from './request-tracer.js';
import { contextOf } from './trace-context.js';

/** Node publishes each request here, before the server sees it. */
const REQUESTS = 'http.server.request.start';

interface Message {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A span for each request, in the trace that its `traceparent` names. Returns what ends it. */
export function traceHttp(tracer: RequestTracer): () => void {
  const begin = (message: unknown) => {
    beginRequest(tracer, message as Message);
  };
  subscribe(REQUESTS, begin);
  return () => unsubscribe(REQUESTS, begin);
}

function beginRequest(tracer: RequestTracer, { request, response }: Message): void {
  const method = methodOf(request);
  const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } };
  const span = tracer.start(method, options, contextOf(request.headers.traceparent));
  // Also for one that is not kept: the request before it on this connection is over.
  tracer.enter(span);
  if (!span.isRecording()) return;
  response.once('close', () => {
    describe(span, request, response);
    span.end();
  });
}

/** By the conventions for HTTP servers; never the query. */
function describe(span: Span, request: IncomingMessage, response: ServerResponse): void {
  const route = routeOf(request);
  const status = statusOf({ response });
  if (route !== undefined) span.updateName(`${methodOf(request)} ${route}`);
  span.setAttributes({
    'http.route': route,
    'http.response.status_code': status,
    'url.scheme': 'http',
    'crucible.request_id': requestIdOf(request),
  });
  if (status === undefined || status >= 500) {
    span.setAttribute('error.type', status === undefined ? 'gone' : String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
}
