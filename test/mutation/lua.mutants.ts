import { type Token, tokensOf } from './lua.tokens.js';

/** A script with one thing changed. */
export interface Mutant {
  /** The name of the file. */
  readonly file: string;
  readonly line: number;
  /** What the change is in, on one line: before it and after. */
  readonly before: string;
  readonly after: string;
  /** The whole script after the change. */
  readonly source: string;
}

/** Puts `text` in the place of what is between two offsets. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Rule = (tokens: readonly Token[], index: number) => readonly Change[];

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  '==': ['~='],
  '~=': ['=='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '+': ['-'],
  '*': ['/'],
  '/': ['*'],
  and: ['or'],
  or: ['and'],
};

const STRINGS: Readonly<Record<string, readonly string[]>> = {
  "'-inf'": ["'+inf'"],
  "'+inf'": ["'-inf'"],
  "'NX'": ["'XX'"],
  "''": ["'x'"],
  "'-'": ["'x'"],
  "'%.17g'": ["'%.5g'"],
  "'%d'": ["'%.5g'"],
  "'queued'": ["'delayed'"],
  "'processing'": ["'queued'"],
  "':ended'": ["':due'"],
  "':due'": ["':ended'"],
  "':leases'": ["':due'"],
};

const WRITES = /^'(?:ZREM|ZADD|SREM|SADD|HSET|HINCRBY|RPUSH|UNLINK|DEL|PUBLISH|XADD|SET)'$/;
const KEYWORDS =
  /^(?:and|break|do|else|elseif|end|false|for|function|if|in|local|nil|not|or|repeat|return|then|true|until|while)$/;

const RULES: readonly Rule[] = [
  swapWord,
  changeMinus,
  changeNumber,
  dropNot,
  negate,
  dropStatement,
  dropWrite,
];

/** Every mutant of one script. Not all of them compile. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const tokens = tokensOf(source);
  const changes = tokens.flatMap((_, index) => RULES.flatMap((rule) => rule(tokens, index)));
  return changes.map((change) => mutantOf(file, source, change));
}

function mutantOf(file: string, source: string, { start, end, text }: Change): Mutant {
  const from = source.lastIndexOf('\n', start - 1) + 1;
  const to = `${source}\n`.indexOf('\n', end);
  const flat = (lines: string) => lines.trim().replaceAll(/\s+/g, ' ');
  return {
    file,
    line: source.slice(0, start).split('\n').length,
    before: flat(source.slice(from, to)),
    after: flat(source.slice(from, start) + text + source.slice(end, to)),
    source: source.slice(0, start) + text + source.slice(end),
  };
}

/** Another comparison, operator or constant. */
function swapWord(tokens: readonly Token[], index: number): readonly Change[] {
  const { text, start, end } = tokenAt(tokens, index);
  const others = OPERATORS[text] ?? STRINGS[text] ?? [];
  return others.map((other) => ({ start, end, text: other }));
}

/** A minus becomes a plus; that of a negative number goes. */
function changeMinus(tokens: readonly Token[], index: number): readonly Change[] {
  const { text, start, end } = tokenAt(tokens, index);
  if (text !== '-') return [];
  return [{ start, end, text: isValueEnd(tokens[index - 1]) ? '+' : '' }];
}

function changeNumber(tokens: readonly Token[], index: number): readonly Change[] {
  const { kind, text, start, end } = tokenAt(tokens, index);
  if (kind !== 'number') return [];
  return [1, -1].map((by) => ({ start, end, text: String(Number(text) + by) }));
}

function dropNot(tokens: readonly Token[], index: number): readonly Change[] {
  const { text, start, end } = tokenAt(tokens, index);
  return text === 'not' ? [{ start, end, text: '' }] : [];
}

/** The opposite of a condition, up to its `then` or `do` or the end of the line. */
function negate(tokens: readonly Token[], index: number): readonly Change[] {
  const { text, end } = tokenAt(tokens, index);
  if (!['if', 'elseif', 'while', 'until'].includes(text)) return [];
  const after = tokens.findIndex((token, at) => at > index && /^(?:then|do|end|return)$/.test(token.text));
  const last = tokens[after === -1 ? tokens.length - 1 : after - 1];
  if (last === undefined || last.end <= end) return [];
  const condition = tokens.filter(({ start }) => start >= end && start < last.end);
  const [first] = condition;
  // Of a lone comparison the other one is a mutant already.
  const words = condition.map((token) => token.text);
  const isCompared = words.some((word) => /^(?:[=~<>]=|[<>]|not)$/.test(word));
  if (first === undefined || (isCompared && !words.some((word) => /^(?:and|or)$/.test(word)))) return [];
  return [{ start: first.start, end: last.end, text: `not (${textOf(condition)})` }];
}

/** A call whose result nobody looks at. */
function dropStatement(tokens: readonly Token[], index: number): readonly Change[] {
  const { start } = tokenAt(tokens, index);
  if (!isStatementStart(tokens, index)) return [];
  const end = endOfCall(tokens, index);
  return end === undefined ? [] : [{ start, end, text: 'do end' }];
}

/** A command that writes, where its result is used. */
function dropWrite(tokens: readonly Token[], index: number): readonly Change[] {
  const { text, start } = tokenAt(tokens, index);
  const command = tokens[index + 4];
  if (text !== 'redis' || !command || !WRITES.test(command.text)) return [];
  const end = endOfCall(tokens, index);
  return isStatementStart(tokens, index) || end === undefined ? [] : [{ start, end, text: 'false' }];
}

function isStatementStart(tokens: readonly Token[], index: number): boolean {
  const token = tokenAt(tokens, index);
  const before = tokens[index - 1];
  if (token.kind !== 'name' || KEYWORDS.test(token.text)) return false;
  if (before === undefined || /^(?:do|then|else|repeat|end)$/.test(before.text)) return true;
  return isValueEnd(before);
}

/** Where `name.name(…)` ends. */
function endOfCall(tokens: readonly Token[], index: number): number | undefined {
  let at = index + 1;
  while (tokens[at]?.text === '.') at += 2;
  if (tokens[at]?.text !== '(') return undefined;
  for (let depth = 0; at < tokens.length; at += 1) {
    if (tokens[at]?.text === '(') depth += 1;
    if (tokens[at]?.text === ')') depth -= 1;
    if (depth === 0) return tokens[at]?.end;
  }
  return undefined;
}

function isValueEnd(token: Token | undefined): boolean {
  if (token === undefined || KEYWORDS.test(token.text)) return false;
  return token.kind !== 'operator' || /^[)\]}]$/.test(token.text);
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join(' ');
}

function tokenAt(tokens: readonly Token[], index: number): Token {
  const token = tokens[index];
  if (token === undefined) throw new RangeError(`There is no word ${index}`);
  return token;
}
