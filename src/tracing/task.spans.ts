import { type Context, type Link, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Committed } from '../storage/task-store.js';
import type { RequestTracer } from './request-tracer.js';
import { contextOf } from './trace-context.js';

interface Operation {
  readonly kind: SpanKind;
  readonly type: 'send' | 'receive' | 'settle';
  readonly name: string;
}

/**
 * A span for each transition, by the conventions for messaging: `send` in the request that enqueued the task, `receive`
 * in the one that claimed it and `settle` in the one that ended the attempt, both linked to the producer. What nobody
 * asked for, the loss of a lease for one, is part of the producer's trace.
 */
export function traceTransitions(tracer: RequestTracer, transitions: readonly Committed[]): void {
  for (const transition of transitions) traceTransition(tracer, transition);
}

function traceTransition(tracer: RequestTracer, transition: Committed): void {
  const { spec, attempt, state } = transition.task;
  const { kind, type, name } = operationOf(transition);
  const producer = contextOf(spec.traceparent);
  const parent = tracer.current ?? producer;
  const attributes = {
    'messaging.system': 'crucible_queue',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
    'messaging.destination.name': spec.queue,
    'messaging.message.id': spec.id,
    'crucible.task.state': state,
    'crucible.task.attempt': attempt,
  };
  const span = tracer.start(
    `${name} ${spec.queue}`,
    { kind, attributes, links: linksOf(parent, producer) },
    parent,
  );
  const outcome = transition.ended?.outcome;
  if (outcome === 'failed' || outcome === 'lost') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** A link to the producer's trace, from a span that belongs to another. */
function linksOf(parent: Context | undefined, producer: Context | undefined): Link[] {
  const [own, others] = [parent, producer].map((context) => context && trace.getSpanContext(context));
  return own === undefined || others === undefined || own.traceId === others.traceId
    ? []
    : [{ context: others }];
}

function operationOf({ type, task }: Committed): Operation {
  if (task.sequence === 1) return { kind: SpanKind.PRODUCER, type: 'send', name: 'enqueue' };
  switch (type) {
    case 'processing':
      return { kind: SpanKind.CONSUMER, type: 'receive', name: 'claim' };
    case 'queued':
    case 'delayed':
      return { kind: SpanKind.INTERNAL, type: 'send', name: type };
    case 'completed':
    case 'failed':
    case 'retrying':
    case 'released':
    case 'cancelled':
    case 'expired':
    case 'lost':
      return { kind: SpanKind.INTERNAL, type: 'settle', name: type };
  }
}
