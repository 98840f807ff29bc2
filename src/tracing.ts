/** `node --import crucible-queue/tracing`: traces the service if OTEL_EXPORTER_OTLP_ENDPOINT is set. */
import { startTracing } from './tracing/active-tracing.js';

await startTracing(process.env);
