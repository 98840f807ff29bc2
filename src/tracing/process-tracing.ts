import { setTimeout as sleep } from 'node:timers/promises';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { VERSION } from '../version.js';
import { traceHttp } from './http-spans.js';
import { traceRedis } from './redis-spans.js';
import { RequestTracer } from './request-tracer.js';
import { traceTransitions } from './task-spans.js';
import type { Tracing } from './tracing.js';

const LAST_SPANS_MS = 5_000;

/** Sends a span for each request, Redis command and transition to the collector in the environment. */
export function traceProcess(): Tracing {
  const service = { 'service.name': 'crucible-queue', 'service.version': VERSION };
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes(service))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = new RequestTracer(provider.getTracer('crucible-queue', VERSION));
  const ends = [traceHttp(tracer), traceRedis(tracer)];
  return {
    record: (transitions) => {
      traceTransitions(tracer, transitions);
    },
    async stop(within = LAST_SPANS_MS) {
      for (const end of ends) end();
      const isSent = provider.shutdown().catch(() => undefined);
      await Promise.race([isSent, sleep(within, undefined, { ref: false })]);
    },
  };
}
