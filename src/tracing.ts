/** `node --import crucible-queue/tracing`: traces the service, when OTEL_EXPORTER_OTLP_ENDPOINT names a collector. */
import { startTracing } from './tracing/active-tracing.js';

await startTracing(process.env);
