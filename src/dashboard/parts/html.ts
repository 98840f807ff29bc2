const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // A parser would turn it into a line feed, and it would end the line of an event stream.
  '\r': '&#13;',
};

/** HTML that only `html` can create. */
export class Html {
  private constructor(readonly text: string) {}

  /** Joins pieces. */
  static join(pieces: readonly string[]): Html {
    return new Html(pieces.join(''));
  }

  toString(): string {
    return this.text;
  }
}

/** A value in a template. `false`, `null` and `undefined` produce no text. */
export type Part = Html | string | number | false | null | undefined | readonly Part[];

/** For each used template: the positions of values that are attributes. */
const checked = new WeakMap<TemplateStringsArray, ReadonlySet<number>>();

/**
 * A template that escapes every value, except values that come from a template. Values are allowed between tags and in
 * quoted attributes; a template with a value elsewhere throws on its first use.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const flags = checked.get(strings) ?? requireSafePlaces(strings);
  const pieces: string[] = [];
  strings.forEach((string, index) => {
    pieces.push(string);
    if (index >= parts.length) return;
    const part = parts[index];
    if (flags.has(index) && !(part instanceof Html)) throw new Error('Only flag() can produce an attribute');
    append(pieces, part);
  });
  return Html.join(pieces);
}

/** An attribute that is present when the condition holds: `<option ${flag('selected', isChosen)}>`. */
export function flag(name: 'selected' | 'checked' | 'open' | 'disabled' | 'required', isSet: boolean): Html {
  return Html.join(isSet ? [name] : []);
}

export function escape(text: string): string {
  return text.replace(/[&<>"'\r]/g, (character) => ESCAPES[character] ?? '');
}

function append(pieces: string[], part: Part): void {
  if (part === undefined || part === null || part === false) return;
  if (part instanceof Html) pieces.push(part.text);
  else if (typeof part === 'string') pieces.push(escape(part));
  else if (typeof part === 'number') pieces.push(String(part));
  else for (const one of part) append(pieces, one);
}

/** Escaping protects text and quoted attributes; it does not protect scripts, styles and attribute names. */
function requireSafePlaces(strings: TemplateStringsArray): ReadonlySet<number> {
  const flags = new Set<number>();
  let before = '';
  for (const [index, string] of strings.slice(0, -1).entries()) {
    before += string;
    const start = before.lastIndexOf('<');
    const tag = before.slice(start);
    const isInTag = start >= 0 && !tag.includes('>');
    const isInQuotes = (tag.match(/"/g) ?? []).length % 2 === 1;
    const isFlag = isInTag && !isInQuotes && /\s$/.test(tag);
    if (isFlag) flags.add(index);
    if (/<(script|style)\b[^>]*>[^<]*$/i.test(before) || (isInTag && !isInQuotes && !isFlag)) {
      throw new Error(`A template has a value where escaping does not help: ${before.slice(-40)}`);
    }
  }
  checked.set(strings, flags);
  return flags;
}
