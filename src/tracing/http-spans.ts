import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { requestIdOf } from '../http/request-id.js';
import { methodOf, routeOf, statusOf } from '../http/request-observers.js';
import type { RequestTracer } from './request-tracer.js';
import { contextOf } from './trace-context.js';

/** The channel on which Node publishes each request, before the server sees it. */
const REQUESTS = 'http.server.request.start';

interface Message {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Creates a span for each request, in the trace of its `traceparent`. Returns a function that stops this. */
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
  // Also for an unsampled span, which replaces that of the previous request on this connection.
  tracer.enter(span);
  if (!span.isRecording()) return;
  response.once('close', () => {
    describe(span, request, response);
    span.end();
  });
}

/** Attributes by the conventions for HTTP servers, without the query. */
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
