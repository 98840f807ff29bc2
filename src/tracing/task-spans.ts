import { type Context, type Link, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { CommittedTransition } from '../storage/transitions.js';
import type { RequestTracer } from './request-tracer.js';
import { contextOf } from './trace-context.js';

interface Operation {
  readonly kind: SpanKind;
  readonly type: 'send' | 'receive' | 'settle';
  readonly name: string;
}

/**
 * Creates a span for each transition, by the messaging conventions. `send` belongs to the request that enqueued the
 * task. `receive` and `settle` belong to the requests that claimed it and ended the attempt, and link to the producer.
 * A transition without a request, such as a lost lease, joins the producer's trace.
 */
export function traceTransitions(tracer: RequestTracer, transitions: readonly CommittedTransition[]): void {
  for (const transition of transitions) traceTransition(tracer, transition);
}

function traceTransition(tracer: RequestTracer, transition: CommittedTransition): void {
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
  if (outcome === 'failed' || outcome === 'lost' || outcome === 'deadline')
    span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** A link to the producer's trace from a span of another trace. */
function linksOf(parent: Context | undefined, producer: Context | undefined): Link[] {
  const [own, others] = [parent, producer].map((context) => context && trace.getSpanContext(context));
  return own === undefined || others === undefined || own.traceId === others.traceId
    ? []
    : [{ context: others }];
}

function operationOf({ type, task }: CommittedTransition): Operation {
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
    case 'reprioritized':
      return { kind: SpanKind.INTERNAL, type: 'settle', name: type };
  }
}
