import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from '@opentelemetry/api';

/** Starts spans, and knows for which request the present code runs. */
export class RequestTracer {
  private readonly active = new AsyncLocalStorage<Context>();

  constructor(private readonly tracer: Tracer) {}

  /** The span of the request that this is done for; `undefined` when there is none, or its trace is not kept. */
  get current(): Context | undefined {
    const context = this.active.getStore();
    return context !== undefined && trace.getSpan(context)?.isRecording() === true ? context : undefined;
  }

  /** What follows in this turn of the event loop, and all that comes of it, is done for this span. */
  enter(span: Span): void {
    this.active.enterWith(trace.setSpan(ROOT_CONTEXT, span));
  }

  /** A span from now on. The sampler decides whether it is kept. */
  start(name: string, options: SpanOptions, parent: Context = ROOT_CONTEXT): Span {
    return this.tracer.startSpan(name, options, parent);
  }
}
