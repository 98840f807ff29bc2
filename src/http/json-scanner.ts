/** The fault of a document. `position` counts characters from 0. */
export type JsonFault =
  | { readonly kind: 'malformed'; readonly position: number }
  | { readonly kind: 'not_object' }
  | { readonly kind: 'not_array' }
  | { readonly kind: 'too_deep' }
  | { readonly kind: 'too_many_keys' };

export class JsonScanError extends Error {
  constructor(readonly fault: JsonFault) {
    super(`The JSON document is refused: ${fault.kind}`);
    this.name = 'JsonScanError';
  }
}

export interface ScanLimits {
  /** The outermost container is level 1. */
  readonly maxDepth: number;
  readonly maxKeys: number;
}

/** A member that the service passes on without parsing. */
export interface OpaqueMember {
  /** The text exactly as sent. */
  readonly text: string;
  /** The parsed value, for measuring only; never serialized again. */
  readonly value: unknown;
}

export interface Envelope {
  /** The object without its opaque members. It can have an own member named `__proto__`. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly opaque: ReadonlyMap<string, OpaqueMember>;
  /** Members of the text, with each time that a name is there again. */
  readonly count: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Above any configurable limit, so that an over-nested item gets its own fault. The bound exists because JSON.parse
 * takes seconds for a million levels.
 */
const UNMEASURED_DEPTH = 2_000;

const NO_LIMITS: ScanLimits = { maxDepth: Infinity, maxKeys: Infinity };
const NOTHING_OPAQUE: ReadonlyMap<string, OpaqueMember> = new Map();

/**
 * Scans one JSON object in a single pass. Accepts exactly the documents that JSON.parse accepts, within the limits.
 * Takes linear time and constant stack for any input. The last of duplicate members wins.
 */
export function scanEnvelope(text: string, opaqueNames: ReadonlySet<string>, limits: ScanLimits): Envelope {
  const spans = new Scanner(text, limits).members(opaqueNames);
  const isWhole = spans.opaque.length === 0;
  const value = parse(isWhole ? text : `{${spans.rest.join(',')}}`, text) as Record<string, unknown>;
  const opaque = isWhole ? NOTHING_OPAQUE : opaqueMembers(spans.opaque, text);
  return { value, opaque, count: spans.count };
}

function opaqueMembers(spans: readonly Span[], text: string): ReadonlyMap<string, OpaqueMember> {
  const opaque = new Map<string, OpaqueMember>();
  for (const { name, start, end } of spans) {
    const raw = text.slice(start, end);
    opaque.set(name, { text: raw, value: parse(raw, text) });
  }
  return opaque;
}

export interface SplitDocument {
  /** The object without the member. */
  readonly value: Readonly<Record<string, unknown>>;
  /**
   * The texts of the elements, whose brackets are balanced; not checked further. `undefined` if the member is absent.
   */
  readonly items: readonly string[] | undefined;
}

/**
 * Splits the array `member` of an object, so that each element can be scanned as its own document. The limits apply to
 * the surrounding object. Stops after `maxItems + 1` elements.
 */
export function splitItems(
  text: string,
  member: string,
  maxItems: number,
  limits: ScanLimits,
): SplitDocument {
  const spans = new Scanner(text, limits, member).members(new Set([member]));
  const value = parse(`{${spans.rest.join(',')}}`, text) as Record<string, unknown>;
  const span = spans.opaque.at(-1);
  for (const earlier of spans.opaque.slice(0, -1)) parse(text.slice(earlier.start, earlier.end), text);
  if (!span) return { value, items: undefined };
  if (text.charCodeAt(span.start) !== OPEN_ARRAY) {
    if (parse(text.slice(span.start, span.end), text) === null) return { value, items: undefined };
    throw new JsonScanError({ kind: 'not_array' });
  }
  return { value, items: new Scanner(text, limits).elements(span.start, maxItems) };
}

/**
 * Replaces the text of every occurrence of a member in a JSON object; the rest stays byte-identical.
 *
 * @param text a document that `scanEnvelope` has accepted
 */
export function replaceMember(text: string, member: string, replace: (value: unknown) => unknown): string {
  const spans = new Scanner(text, NO_LIMITS).members(new Set([member])).opaque;
  let replaced = '';
  let from = 0;
  for (const { start, end } of spans) {
    const value = JSON.stringify(replace(parse(text.slice(start, end), text)));
    replaced += text.slice(from, start) + value;
    from = end;
  }
  return replaced + text.slice(from);
}

/** Throws if JSON.parse would; for a document or an element that is no object. */
export function checkJson(text: string): void {
  parse(text, text);
}

interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

interface MemberSpans {
  readonly opaque: readonly Span[];
  /** Runs of non-opaque members, with the commas between them. */
  readonly rest: readonly string[];
  /** The number of all members. A repeated name counts each time. */
  readonly count: number;
}

/**
 * Finds the boundaries of members and elements. It checks the structure of the outermost level and only balances
 * brackets inside. JSON.parse then checks every extracted piece strictly.
 */
class Scanner {
  private keys = 0;

  constructor(
    private readonly text: string,
    private readonly limits: ScanLimits,
    /** The member whose elements are measured later, one by one. */
    private readonly unmeasured?: string,
  ) {}

  members(opaqueNames: ReadonlySet<string>): MemberSpans {
    const { text } = this;
    const opaque: Span[] = [];
    const rest: string[] = [];
    let runStart = -1;
    let runEnd = -1;
    let count = 0;
    let position = this.skipSpace(this.openObject());
    if (text.charCodeAt(position) === CLOSE_OBJECT) return this.finish(position, { opaque, rest, count });
    for (;;) {
      count++;
      const keyStart = position;
      const keyEnd = this.endOfString(position);
      const name = this.keyName(keyStart, keyEnd);
      const start = this.skipSpace(this.expect(COLON, this.skipSpace(keyEnd)));
      this.countKey();
      const end = this.endOfValue(start, name !== this.unmeasured);
      if (opaqueNames.has(name)) {
        opaque.push({ name, start, end });
        if (runStart !== -1) rest.push(text.slice(runStart, runEnd));
        runStart = -1;
      } else {
        if (runStart === -1) runStart = keyStart;
        runEnd = end;
      }
      position = this.skipSpace(end);
      if (text.charCodeAt(position) === CLOSE_OBJECT) break;
      position = this.skipSpace(this.expect(COMMA, position));
    }
    if (runStart !== -1) rest.push(text.slice(runStart, runEnd));
    return this.finish(position, { opaque, rest, count });
  }

  elements(start: number, maxItems: number): readonly string[] {
    const { text } = this;
    const items: string[] = [];
    let position = this.skipSpace(start + 1);
    if (text.charCodeAt(position) === CLOSE_ARRAY) return items;
    while (items.length <= maxItems) {
      const end = this.endOfValue(position, false);
      items.push(text.slice(position, end));
      position = this.skipSpace(end);
      if (text.charCodeAt(position) === CLOSE_ARRAY) return items;
      position = this.skipSpace(this.expect(COMMA, position));
    }
    return items;
  }

  /** Returns the position after the opening bracket. */
  private openObject(): number {
    const start = this.skipSpace(0);
    if (this.text.charCodeAt(start) === OPEN_OBJECT) return start + 1;
    // Both throw for invalid JSON, which is a different fault from a non-object.
    this.endOfValue(start, true);
    checkJson(this.text);
    throw new JsonScanError({ kind: 'not_object' });
  }

  private finish(closing: number, spans: MemberSpans): MemberSpans {
    const end = this.skipSpace(closing + 1);
    if (end !== this.text.length) throw malformed(end);
    return spans;
  }

  private skipSpace(from: number): number {
    let position = from;
    for (;;) {
      const code = this.text.charCodeAt(position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return position;
      position++;
    }
  }

  private expect(code: number, position: number): number {
    if (this.text.charCodeAt(position) !== code) throw malformed(position);
    return position + 1;
  }

  private countKey(): void {
    if (++this.keys > this.limits.maxKeys) throw new JsonScanError({ kind: 'too_many_keys' });
  }

  /** Decodes an escaped key: `"co\u0064e"` is `code`, as for JSON.parse. */
  private keyName(start: number, end: number): string {
    const name = this.text.slice(start + 1, end - 1);
    if (!name.includes('\\')) return name;
    return parse(this.text.slice(start, end), this.text) as string;
  }

  /** Returns the position after the closing quote. Visits each backslash once, so the time is linear. */
  private endOfString(start: number): number {
    const { text } = this;
    if (text.charCodeAt(start) !== QUOTE) throw malformed(start);
    let quote = text.indexOf('"', start + 1);
    while (quote !== -1) {
      let before = quote - 1;
      while (text.charCodeAt(before) === BACKSLASH) before--;
      if ((quote - before) % 2 === 1) return quote + 1;
      quote = text.indexOf('"', quote + 1);
    }
    throw malformed(text.length);
  }

  private endOfValue(start: number, isMeasured: boolean): number {
    const code = this.text.charCodeAt(start);
    if (code === QUOTE) return this.endOfString(start);
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) return this.endOfContainer(start, isMeasured);
    return this.endOfScalar(start);
  }

  private endOfScalar(start: number): number {
    let position = start;
    while (isScalarCode(this.text.charCodeAt(position))) position++;
    if (position === start) throw malformed(start);
    return position;
  }

  private endOfContainer(start: number, isMeasured: boolean): number {
    const { text } = this;
    const maxDepth = isMeasured ? this.limits.maxDepth : UNMEASURED_DEPTH;
    let depth = 1;
    let position = start;
    while (position < text.length) {
      const code = text.charCodeAt(position);
      if (code === QUOTE) {
        position = this.endOfString(position);
        continue;
      }
      if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
        if (++depth > maxDepth) throw new JsonScanError({ kind: 'too_deep' });
      } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
        if (--depth === 1) return position + 1;
      } else if (code === COLON && isMeasured) {
        this.countKey();
      }
      position++;
    }
    throw malformed(text.length);
  }
}

/** Letters, digits, signs and points: the characters of numbers and the three literals. */
function isScalarCode(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x2b ||
    code === 0x45
  );
}

function malformed(position: number): JsonScanError {
  return new JsonScanError({ kind: 'malformed', position });
}

/** Replaces the error of JSON.parse, which would quote the body. */
function parse(piece: string, document: string): unknown {
  try {
    return JSON.parse(piece);
  } catch {
    throw malformed(faultPosition(document));
  }
}

function faultPosition(document: string): number {
  try {
    JSON.parse(document);
  } catch (error) {
    const found = error instanceof Error ? /at position (\d+)/.exec(error.message) : null;
    if (found) return Number(found[1]);
  }
  return -1;
}
