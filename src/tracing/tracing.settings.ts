/** What the variables of OpenTelemetry say that this service follows. */
export interface TracingSettings {
  /** Where spans are sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the service, on every span. */
  readonly resource: Readonly<Record<string, string>>;
  /** The share of traces that begin here and are kept, from 0 to 1; of others the caller decides. */
  readonly ratio: number;
}

/** `undefined` when no receiver is named, or the SDK is disabled. */
export function tracingSettings(env: NodeJS.ProcessEnv): TracingSettings | undefined {
  const url = urlOf(env);
  if (url === undefined || env.OTEL_SDK_DISABLED === 'true') return undefined;
  const named = pairsOf(env.OTEL_RESOURCE_ATTRIBUTES);
  return {
    url,
    headers: {
      ...pairsOf(env.OTEL_EXPORTER_OTLP_HEADERS),
      ...pairsOf(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
    },
    resource: { 'service.name': 'crucible-queue', ...named, ...serviceName(env) },
    ratio: ratioOf(env),
  };
}

function urlOf(env: NodeJS.ProcessEnv): string | undefined {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: exact, OTEL_EXPORTER_OTLP_ENDPOINT: base } = env;
  if (exact !== undefined && exact !== '') return exact;
  return base === undefined || base === '' ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`;
}

function serviceName({ OTEL_SERVICE_NAME: name }: NodeJS.ProcessEnv): Record<string, string> {
  return name === undefined || name === '' ? {} : { 'service.name': name };
}

function ratioOf({
  OTEL_TRACES_SAMPLER: sampler = '',
  OTEL_TRACES_SAMPLER_ARG: text,
}: NodeJS.ProcessEnv): number {
  if (sampler.endsWith('always_off')) return 0;
  const ratio = Number(text ?? '1');
  return sampler.endsWith('traceidratio') && ratio >= 0 && ratio <= 1 ? ratio : 1;
}

/** `a=1,b=2`, percent-encoded. */
function pairsOf(text = ''): Record<string, string> {
  const pairs = text.split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())]] : [];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
