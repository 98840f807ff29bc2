/**
 * A JSON value as text, for values that JavaScript would change: 9007199254740993, 1.0, 1e400. The client accepts it in
 * place of a value and sends the text unchanged.
 */
export class JsonText {
  /** @throws SyntaxError when the text is not JSON */
  constructor(readonly text: string) {
    JSON.parse(text);
  }

  toString(): string {
    return this.text;
  }
}

/**
 * The JSON text of a value. `JsonText` is copied unchanged as the value itself, a member of it, an item of a member's
 * array, or a member of such an item. The API's bodies are no deeper.
 *
 * @throws the errors of the value's own code, such as a handler's `toJSON`
 */
export function stringify(value: unknown, levels = 4): string | undefined {
  if (value instanceof JsonText) return value.text;
  if (levels === 0 || !hasText(value, levels)) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item) => stringify(item, levels - 1) ?? 'null').join(',')}]`;
  const members = Object.entries(value as object).flatMap(([name, member]) => {
    const text = stringify(member, levels - 1);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

function hasText(value: unknown, levels: number): boolean {
  if (value instanceof JsonText) return true;
  if (levels === 0 || typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((member) => hasText(member, levels - 1));
}

/** A string, or a structural character. */
const TOKEN = /"(?:[^"\\]|\\[^])*"|[[\]{}:,]/g;

/**
 * Splits a document into raw texts: the members of an object by name, or the items of an array by index. It only
 * matches brackets and quotes; it does not parse values.
 *
 * @throws SyntaxError for an incomplete document
 */
export function membersOf(document: string): Map<string, string> {
  const text = document.trim();
  const members = new Map<string, string>();
  let depth = 0;
  let key: string | undefined;
  let begin = 1;
  for (const { 0: mark, index } of text.matchAll(TOKEN)) {
    if (mark === '[' || mark === '{') depth += 1;
    else if (mark === ']' || mark === '}') depth -= 1;
    else if (mark === ':' && depth === 1) {
      key = JSON.parse(text.slice(begin, index)) as string;
      begin = index + 1;
    }
    if (depth === 0 || (depth === 1 && mark === ',')) {
      const value = text.slice(begin, index).trim();
      if (value !== '') members.set(key ?? String(members.size), value);
      key = undefined;
      begin = index + 1;
    }
    if (depth === 0) break;
  }
  if (depth !== 0 || begin !== text.length || text.length < 2)
    throw new SyntaxError('The document is cut off');
  return members;
}
