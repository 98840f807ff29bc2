import type { SpanContext } from './trace-context.js';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** The numbers that OTLP has for kinds of spans. */
export const SPAN_KINDS = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

export interface SpanStart {
  readonly name: string;
  readonly kind: keyof typeof SPAN_KINDS;
  readonly parent?: SpanContext;
  /** Contexts that it belongs together with, of which it is no part. */
  readonly links?: readonly SpanContext[];
  readonly attributes?: Attributes;
}

const ERROR = 2;

/** Something that took time. Times are in milliseconds since the epoch. */
export class Span {
  readonly attributes: Record<string, AttributeValue | undefined>;
  private endedAt: number;
  private hasFailed = false;

  constructor(
    readonly context: SpanContext,
    private readonly start: SpanStart,
    private readonly startedAt: number,
  ) {
    this.attributes = { ...start.attributes };
    this.endedAt = startedAt;
    this.name = start.name;
  }

  name: string;

  /** Says that it went wrong; why is in the attributes, as far as it is fit to be told. */
  fail(): void {
    this.hasFailed = true;
  }

  end(at: number): void {
    this.endedAt = Math.max(at, this.startedAt);
  }

  /** As OTLP writes it in JSON. */
  toJSON(): object {
    const { parent, kind, links = [] } = this.start;
    return {
      traceId: this.context.traceId,
      spanId: this.context.spanId,
      ...(parent && { parentSpanId: parent.spanId }),
      name: this.name,
      kind: SPAN_KINDS[kind],
      startTimeUnixNano: nanoseconds(this.startedAt),
      endTimeUnixNano: nanoseconds(this.endedAt),
      attributes: keyValues(this.attributes),
      links: links.map(({ traceId, spanId }) => ({ traceId, spanId })),
      status: this.hasFailed ? { code: ERROR } : {},
    };
  }
}

export function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );
}

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** A number cannot hold it. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}
