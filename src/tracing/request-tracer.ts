import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from '@opentelemetry/api';

/** Starts spans and tracks the request of the running code. */
export class RequestTracer {
  private readonly active = new AsyncLocalStorage<Context>();

  constructor(private readonly tracer: Tracer) {}

  /** The span of the current request; `undefined` without one, or if its trace is not sampled. */
  get current(): Context | undefined {
    const context = this.active.getStore();
    return context !== undefined && trace.getSpan(context)?.isRecording() === true ? context : undefined;
  }

  /** Makes the span current for the rest of this turn and its asynchronous continuations. */
  enter(span: Span): void {
    this.active.enterWith(trace.setSpan(ROOT_CONTEXT, span));
  }

  /** A span that starts now. The sampler decides whether to keep it. */
  start(name: string, options: SpanOptions, parent: Context = ROOT_CONTEXT): Span {
    return this.tracer.startSpan(name, options, parent);
  }
}
