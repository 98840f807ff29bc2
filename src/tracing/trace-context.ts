import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';

/** The context in a `traceparent` header; `undefined` if the header is missing or invalid. */
export function contextOf(traceparent: unknown): Context | undefined {
  const remote = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  return remote === null ? undefined : trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
}
