/** One entry of a list of hostile requests. */
export interface HostileEntry {
  readonly id: string;
  readonly method: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly headersGen?: { readonly prefix: string; readonly times: number; readonly value: string };
  /** The generated headers come first. */
  readonly headersLast?: boolean;
  readonly body?: string;
  readonly bodyBase64?: string;
  readonly bodyGen?: BodyGenerator;
  /** The whole request, instead of all of the above. */
  readonly raw?: string;
  readonly rawBase64?: string;
  readonly transport?: {
    readonly mode: 'drip' | 'idle' | 'no-read';
    readonly bytesPerSec?: number;
    readonly forSec: number;
  };
  /** Statuses, or how the connection ends. */
  readonly expect: readonly (number | 'close' | 'timeout')[];
  readonly maxResponses?: number;
  readonly maxResponseBytes?: number;
  readonly mustNotContain?: readonly string[];
  readonly noLease?: boolean;
  readonly seedTask?: boolean;
  readonly why?: string;
}

interface BodyGenerator {
  readonly prefix?: string;
  readonly unit: string;
  readonly times: number;
  readonly mid?: string;
  readonly unit2?: string;
  readonly suffix?: string;
}

/** What stands for `{{NAME}}`. */
export type Values = Readonly<Record<string, string>>;

/** Puts values in, and repeats: `{{REPEAT:ab:3}}` is `ababab`. */
export function filled(text: string, values: Values): string {
  return text
    .replace(/\{\{REPEAT:(.*?):(\d+)\}\}/gs, (_, unit: string, times: string) => unit.repeat(Number(times)))
    .replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
}

/** The bytes of a request. Its connection closes with the answer, unless the entry is raw. */
export function requestBytes(entry: HostileEntry, values: Values): Buffer {
  if (entry.rawBase64 !== undefined) return Buffer.from(entry.rawBase64, 'base64');
  if (entry.raw !== undefined) return Buffer.from(filled(entry.raw, values));
  const body = bodyOf(entry, values);
  const own = Object.entries(entry.headers ?? {}).map(([name, value]) => `${name}: ${filled(value, values)}`);
  const generated = Array.from({ length: entry.headersGen?.times ?? 0 }, (_, index) => {
    const { prefix = '', value = '' } = entry.headersGen ?? {};
    return `${prefix}${index}: ${value}`;
  });
  const headers = entry.headersLast ? [...generated, ...own] : [...own, ...generated];
  const hasLength = own.some((header) => /^(content-length|transfer-encoding):/i.test(header));
  const length = body === undefined || hasLength ? [] : [`Content-Length: ${body.length}`];
  const line = `${entry.method} ${filled(entry.path ?? '/', values)} HTTP/1.1`;
  const head = [line, 'Host: x', ...headers, ...length, 'Connection: close', '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head), body ?? Buffer.alloc(0)]);
}

function bodyOf(entry: HostileEntry, values: Values): Buffer | undefined {
  if (entry.bodyBase64 !== undefined) return Buffer.from(entry.bodyBase64, 'base64');
  if (entry.body !== undefined) return Buffer.from(filled(entry.body, values));
  if (entry.bodyGen === undefined) return undefined;
  const { prefix = '', unit, times, mid = '', unit2 = '', suffix = '' } = entry.bodyGen;
  const units = unit.includes('{{i}}')
    ? Array.from({ length: times }, (_, index) => unit.replaceAll('{{i}}', String(index))).join('')
    : unit.repeat(times);
  return Buffer.from(filled(prefix, values) + units + mid + unit2.repeat(times) + filled(suffix, values));
}
