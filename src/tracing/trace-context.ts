import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';

/** The context that a `traceparent` header names; `undefined` when it names none. */
export function contextOf(traceparent: unknown): Context | undefined {
  const remote = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  return remote === null ? undefined : trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
}
