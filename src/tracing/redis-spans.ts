import { tracingChannel } from 'node:diagnostics_channel';
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { RequestTracer } from './request-tracer.js';

/** The channel on which ioredis publishes each command. */
const COMMANDS = tracingChannel<unknown, object>('ioredis:command');

interface Command {
  readonly command?: string;
  readonly database?: number;
  readonly serverAddress?: string;
  readonly serverPort?: number;
}

/** Creates a span for each command of a request, without its arguments. Returns a function that stops this. */
export function traceRedis(tracer: RequestTracer): () => void {
  const spans = new WeakMap<object, Span>();
  const subscribers = {
    start(message: object) {
      const span = beginCommand(tracer, message);
      if (span !== undefined) spans.set(message, span);
    },
    end: () => undefined,
    error(message: object) {
      spans.get(message)?.setStatus({ code: SpanStatusCode.ERROR });
    },
    asyncStart(message: object) {
      spans.get(message)?.end();
    },
    asyncEnd: () => undefined,
  };
  COMMANDS.subscribe(subscribers);
  return () => {
    COMMANDS.unsubscribe(subscribers);
  };
}

function beginCommand(tracer: RequestTracer, message: Command): Span | undefined {
  const { current } = tracer;
  if (current === undefined) return undefined;
  const name = String(message.command).toUpperCase();
  const attributes = {
    'db.system.name': 'redis',
    'db.operation.name': name,
    'db.namespace': message.database === undefined ? undefined : String(message.database),
    'server.address': message.serverAddress,
    'server.port': message.serverPort,
  };
  return tracer.start(name, { kind: SpanKind.CLIENT, attributes }, current);
}
