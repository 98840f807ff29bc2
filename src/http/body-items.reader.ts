import {
  type Exchange,
  isJson,
  isNdjson,
  parseDto,
  readText,
  refusing,
  requireType,
  scanLimits,
} from './body.reader.js';
import type { Constructor } from './compiled-validator.js';
import { invalidRequest, readDto } from './dto.reader.js';
import { type DtoPlan, planOf } from './dto-plan.js';
import type { HttpLimits } from './http-limits.js';
import { checkJson, type Envelope, type ScanLimits, scanEnvelope, splitItems } from './json-scanner.js';
import { ProblemError } from './problem.error.js';
import { turns } from './turns.js';

export interface ItemsOptions<E extends object, T extends object> {
  /** What surrounds the items. */
  readonly envelope: Constructor<E>;
  readonly item: Constructor<T>;
  /** The array in the envelope that holds the items. */
  readonly member: string;
  readonly maxItems: number;
  /** Also takes `application/x-ndjson`: one item a line, and an empty envelope. */
  readonly takesNdjson?: boolean;
}

/** From here on, in characters, it takes milliseconds to take a body apart. */
const HEAVY_LENGTH = 65_536;

type ItemLimit = Pick<ItemsOptions<object, object>, 'member' | 'maxItems'>;

/** One item: what it says, or what is wrong with it. */
export type Item<T extends object> = { readonly value: T } | { readonly problem: ProblemError };

export interface Items<E extends object, T extends object> {
  readonly envelope: E;
  /** In the order of the request, at least one. */
  readonly items: readonly Item<T>[];
}

/**
 * Reads a body of many items. A body that is not JSON, or breaks the envelope, throws; a bad item is told apart and
 * leaves the others alone. The limits of depth and members hold for each item.
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

/** A body taken apart: its envelope, the texts of its items, and how each is read. */
interface Parts<E extends object, T extends object> {
  readonly envelope: E;
  readonly texts: readonly string[];
  readonly read: (text: string) => Item<T>;
}

/** Of newline-delimited JSON; a line that is not JSON is a bad item. */
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

/** Of `{"<member>": [item, …], …}`. */
function partsOfDocument<E extends object, T extends object>(
  text: string,
  options: ItemsOptions<E, T>,
  limits: HttpLimits,
): Parts<E, T> {
  const { member, maxItems } = options;
  const document = text === '' ? '{}' : text;
  const split = refusing(() => splitItems(document, member, maxItems, scanLimits(limits)));
  const envelope = readDto(planOf(options.envelope), { value: split.value, opaque: new Map() }, limits);
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

function requireCount(count: number, { member, maxItems }: ItemLimit): void {
  if (count >= 1 && count <= maxItems) return;
  const detail = count === 0 ? 'must not be empty' : `must have at most ${maxItems} elements`;
  throw invalidRequest([{ pointer: `/${member}`, detail: `${member} ${detail}` }]);
}

function readItem<T extends object>(text: string, plan: DtoPlan<T>, limits: HttpLimits): Item<T> {
  return attempt(() => {
    const envelope = refusing(() => scanItem(text, plan, scanLimits(limits)));
    return readDto(plan, envelope, limits);
  });
}

/** An element that breaks a limit or is no object is a bad item; one that is not JSON spoils the whole document. */
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

/** The lines that are not blank, at most `limit` of them. */
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
