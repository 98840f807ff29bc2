import { AsyncLocalStorage } from 'node:async_hooks';
import type { SpanExporter } from './span.exporter.js';
import { Span, type SpanStart } from './span.js';
import { newSpanId, newTraceId, type SpanContext } from './trace-context.js';

/** Makes spans, and knows which one is under way where. */
export class Tracer {
  private readonly active = new AsyncLocalStorage<Span | undefined>();
  private readonly origin = Date.now() - performance.now();

  constructor(
    private readonly exporter: Pick<SpanExporter, 'add'>,
    private readonly ratio: number,
  ) {}

  /** Milliseconds since the epoch, with fractions. */
  now(): number {
    return this.origin + performance.now();
  }

  /** The span of the request that this is done for. */
  get current(): Span | undefined {
    return this.active.getStore();
  }

  /** What follows in this turn of the event loop, and all that comes of it, is done for this span. */
  enter(span: Span | undefined): void {
    this.active.enterWith(span);
  }

  /** A span from now on. `undefined` when its trace is not kept. */
  start(start: SpanStart): Span | undefined {
    const { parent } = start;
    const isSampled = parent?.isSampled ?? Math.random() < this.ratio;
    const traceId = parent?.traceId ?? newTraceId();
    const context: SpanContext = { traceId, spanId: newSpanId(), isSampled };
    return isSampled ? new Span(context, start, this.now()) : undefined;
  }

  end(span: Span): void {
    span.end(this.now());
    this.exporter.add(span);
  }
}
