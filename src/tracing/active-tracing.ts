import type { Committed } from '../storage/task-store.js';
import { traceHttp } from './http.spans.js';
import { traceRedis } from './redis.spans.js';
import { SpanExporter } from './span.exporter.js';
import { traceTransitions } from './task.spans.js';
import { Tracer } from './tracer.js';
import { tracingSettings } from './tracing.settings.js';

/** Tracing that was started. */
export interface Tracing {
  record(transitions: readonly Committed[]): void;
  /** Sends what is left, and ends it. */
  stop(): Promise<void>;
}

let active: Tracing | undefined;

/** The tracing of this process; `undefined` when none was started. */
export function activeTracing(): Tracing | undefined {
  return active;
}

/** Traces this process from now on, if the environment names a receiver. */
export function startTracing(env: NodeJS.ProcessEnv): Tracing | undefined {
  const settings = tracingSettings(env);
  if (settings === undefined || active !== undefined) return active;
  const exporter = new SpanExporter(settings);
  const tracer = new Tracer(exporter, settings.ratio);
  const ends = [traceHttp(tracer), traceRedis(tracer)];
  active = {
    record: (transitions) => {
      traceTransitions(tracer, transitions);
    },
    async stop() {
      for (const end of ends) end();
      active = undefined;
      await exporter.close();
    },
  };
  return active;
}
