import type { Tracing } from './tracing.js';

let active: Tracing | undefined;

/** The tracing of this process; `undefined` if none was started. */
export function activeTracing(): Tracing | undefined {
  return active;
}

/**
 * Traces this process if `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. The
 * OpenTelemetry SDK is loaded only then, and reads its other `OTEL_*` variables itself.
 */
export async function startTracing(env: NodeJS.ProcessEnv): Promise<Tracing | undefined> {
  if (active !== undefined || !isWanted(env)) return active;
  const { traceProcess } = await import('./process-tracing.js');
  const tracing = traceProcess();
  active = {
    record: (transitions) => {
      tracing.record(transitions);
    },
    async stop(within) {
      active = undefined;
      await tracing.stop(within);
    },
  };
  return active;
}

function isWanted(env: NodeJS.ProcessEnv): boolean {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: exact, OTEL_EXPORTER_OTLP_ENDPOINT: base } = env;
  const isNamed = [exact, base].some((url) => url !== undefined && url !== '');
  return isNamed && env.OTEL_SDK_DISABLED !== 'true';
}
