import {
  type Exchange,
  isJson,
  isNdjson,
  parseDto,
  readText,
  refusing,
  requireType,
  scanLimits,
} from './body-reader.js';
import type { Constructor } from './compiled-validator.js';
import { invalidRequest, readDto } from './dto-reader.js';
import { type DtoPlan, planOf } from './dto-plan.js';
import type { HttpLimits } from './http-limits.js';
import { checkJson, type Envelope, type ScanLimits, scanEnvelope, splitItems } from './json-scanner.js';
import { ProblemError } from './problem.error.js';
import { turns } from './turns.js';

export interface ItemsOptions<E extends object, T extends object> {
  /** The members around the items. */
  readonly envelope: Constructor<E>;
  readonly item: Constructor<T>;
  /** The array in the envelope that contains the items. */
  readonly member: string;
  readonly maxItems: number;
  readonly mayBeEmpty?: boolean;
  /** Whether to accept `application/x-ndjson` as well: one item per line, and an empty envelope. */
  readonly takesNdjson?: boolean;
}

/** Characters. Splitting a longer body takes milliseconds. */
const HEAVY_LENGTH = 65_536;

type ItemLimit = Pick<ItemsOptions<object, object>, 'member' | 'maxItems' | 'mayBeEmpty'>;

/** One item: its value or its problem. */
export type Item<T extends object> = { readonly value: T } | { readonly problem: ProblemError };

export interface Items<E extends object, T extends object> {
  readonly envelope: E;
  /** In request order, at least one. */
  readonly items: readonly Item<T>[];
}

/**
 * Reads a body with many items. Invalid JSON and an invalid envelope throw; an invalid item becomes a problem and
 * leaves the others unaffected. The limits of depth and members apply per item.
 */
export async function readItems<E extends object, T extends object>(
  exchange: Exchange,
  options: ItemsOptions<E, T>,
): Promise<Items<E, T>> {
  const takesNdjson = options.takesNdjson === true;
  requireType(exchange.request, (type) => isJson(type) || (takesNdjson && isNdjson(type)));
  const isLines = takesNdjson && isNdjson(exchange.request.headers['content-type'] ?? '');
  const text = await readText(exchange);
  const partsOf = isLines ? partsOfLines : partsOfDocument;
  const take = () => partsOf(text, options, exchange.limits);
  const { envelope, texts, read } = await (text.length > HEAVY_LENGTH ? turns.do(take) : take());
  const items = await turns.map(texts, read);
  if (!isLines) requireJson(items, options.member);
  return { envelope, items };
}

/** A body in parts: its envelope, the texts of its items, and their reader. */
interface Parts<E extends object, T extends object> {
  readonly envelope: E;
  readonly texts: readonly string[];
  readonly read: (text: string) => Item<T>;
}

/** Splits newline-delimited JSON; an invalid line is an invalid item. */
function partsOfLines<E extends object, T extends object>(
  text: string,
  options: ItemsOptions<E, T>,
  limits: HttpLimits,
): Parts<E, T> {
  const plan = planOf(options.item);
  const texts = linesOf(text, options.maxItems + 1);
  requireCount(texts.length, options);
  return {
    envelope: parseDto('{}', planOf(options.envelope), limits),
    texts,
    read: (line) => attempt(() => parseDto(line, plan, limits)),
  };
}

/** Splits `{"<member>": [item, …], …}`. */
function partsOfDocument<E extends object, T extends object>(
  text: string,
  options: ItemsOptions<E, T>,
  limits: HttpLimits,
): Parts<E, T> {
  const { member, maxItems } = options;
  const document = text === '' ? '{}' : text;
  const split = refusing(() => splitItems(document, member, maxItems, scanLimits(limits)));
  const outer = { value: split.value, opaque: new Map(), count: Object.keys(split.value).length };
  const envelope = readDto(planOf(options.envelope), outer, limits);
  if (!split.items) throw invalidRequest([{ pointer: `/${member}`, detail: `${member} is required` }]);
  requireCount(split.items.length, options);
  const plan = planOf(options.item);
  return { envelope, texts: split.items, read: (item) => readItem(item, plan, limits) };
}

function requireJson(items: readonly Item<object>[], member: string): void {
  const spoiled = items.findIndex((item) => 'problem' in item && item.problem.code === 'malformed_request');
  if (spoiled === -1) return;
  throw new ProblemError('malformed_request', `Element ${spoiled + 1} of ${member} is not valid JSON`);
}

function requireCount(count: number, { member, maxItems, mayBeEmpty = false }: ItemLimit): void {
  if (count >= (mayBeEmpty ? 0 : 1) && count <= maxItems) return;
  const detail = count === 0 ? 'must not be empty' : `must have at most ${maxItems} elements`;
  throw invalidRequest([{ pointer: `/${member}`, detail: `${member} ${detail}` }]);
}

function readItem<T extends object>(text: string, plan: DtoPlan<T>, limits: HttpLimits): Item<T> {
  return attempt(() => {
    const envelope = refusing(() => scanItem(text, plan, scanLimits(limits)));
    return readDto(plan, envelope, limits);
  });
}

/**
 * An element that exceeds a limit or is no object is an invalid item. An element that is not JSON makes the whole
 * document invalid.
 */
function scanItem<T extends object>(text: string, plan: DtoPlan<T>, limits: ScanLimits): Envelope {
  try {
    return scanEnvelope(text, plan.opaqueNames, limits);
  } catch (error) {
    checkJson(text);
    throw error;
  }
}

function attempt<T extends object>(read: () => T): Item<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof ProblemError) return { problem: error };
    throw error;
  }
}

/** The non-blank lines, at most `limit`. */
function linesOf(text: string, limit: number): string[] {
  const lines: string[] = [];
  for (let start = 0; start < text.length && lines.length < limit;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end).trim();
    if (line !== '') lines.push(line);
    start = end + 1;
  }
  return lines;
}
