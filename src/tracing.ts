/** `node --import crucible-queue/tracing`: traces the service, when OTEL_EXPORTER_OTLP_ENDPOINT names a receiver. */
import { startTracing } from './tracing/active-tracing.js';

startTracing(process.env);
