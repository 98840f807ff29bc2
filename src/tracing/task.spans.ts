import type { Committed } from '../storage/task-store.js';
import type { SpanStart } from './span.js';
import { parseTraceparent } from './trace-context.js';
import type { Tracer } from './tracer.js';

type Operation = Pick<SpanStart, 'kind'> & {
  readonly type: 'send' | 'receive' | 'settle';
  readonly name: string;
};

/**
 * A span for each transition, by the conventions for messaging: `send` in the request that enqueued the task, `receive`
 * in the one that claimed it and `settle` in the one that ended the attempt, both linked to the producer. What nobody
 * asked for, the loss of a lease for one, is part of the producer's trace.
 */
export function traceTransitions(tracer: Tracer, transitions: readonly Committed[]): void {
  for (const transition of transitions) {
    const span = tracer.start(startOf(tracer, transition));
    if (span === undefined) continue;
    if (transition.ended?.outcome === 'failed' || transition.ended?.outcome === 'lost') span.fail();
    tracer.end(span);
  }
}

function startOf(tracer: Tracer, transition: Committed): SpanStart {
  const { spec, attempt, state } = transition.task;
  const { kind, type, name } = operationOf(transition);
  const producer = parseTraceparent(spec.traceparent);
  const asked = tracer.current?.context;
  const isElsewhere = producer !== undefined && asked !== undefined && asked.traceId !== producer.traceId;
  return {
    name: `${name} ${spec.queue}`,
    kind,
    parent: asked ?? producer,
    links: isElsewhere ? [producer] : [],
    attributes: {
      'messaging.system': 'crucible_queue',
      'messaging.operation.name': name,
      'messaging.operation.type': type,
      'messaging.destination.name': spec.queue,
      'messaging.message.id': spec.id,
      'crucible.task.state': state,
      'crucible.task.attempt': attempt,
    },
  };
}

function operationOf({ type, task }: Committed): Operation {
  if (task.sequence === 1) return { kind: 'producer', type: 'send', name: 'enqueue' };
  switch (type) {
    case 'processing':
      return { kind: 'consumer', type: 'receive', name: 'claim' };
    case 'queued':
    case 'delayed':
      return { kind: 'internal', type: 'send', name: type };
    case 'completed':
    case 'failed':
    case 'retrying':
    case 'released':
    case 'cancelled':
    case 'expired':
    case 'lost':
      return { kind: 'internal', type: 'settle', name: type };
  }
}
