export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'operator';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const PATTERN = new RegExp(
  [
    String.raw`--\[\[[^]*?\]\]|--[^\n]*|\s+`,
    String.raw`(?<name>[A-Za-z_]\w*)`,
    String.raw`(?<number>\d+(?:\.\d+)?)`,
    String.raw`(?<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")`,
    String.raw`(?<operator>\.\.\.|\.\.|[=~<>]=|[-+*/%^#<>=(){}[\];:,.])`,
  ].join('|'),
  'gy',
);

const KINDS = ['name', 'number', 'string', 'operator'] as const;

/**
 * The words of a Lua source, without white space and comments. Knows what the scripts of the store use; of long
 * brackets only the comments.
 *
 * @throws Error at what it does not know
 */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const { 0: text, index, groups = {} } of source.matchAll(PATTERN)) {
    at = index + text.length;
    const kind = KINDS.find((each) => groups[each] !== undefined);
    if (kind !== undefined) tokens.push({ kind, text, start: index, end: at });
  }
  if (at !== source.length) throw new Error(`No Lua that is known here: ${source.slice(at, at + 20)}`);
  return tokens;
}
