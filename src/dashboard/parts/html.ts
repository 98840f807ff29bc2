const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // A parser would make it a line feed, and on a stream of events it would end the line.
  '\r': '&#13;',
};

/** HTML that came out of `html`, and out of nowhere else. */
export class Html {
  private constructor(readonly text: string) {}

  /** The whole text of several pieces. */
  static join(pieces: readonly string[]): Html {
    return new Html(pieces.join(''));
  }

  toString(): string {
    return this.text;
  }
}

/** What a template may hold. `false`, `null` and `undefined` leave nothing. */
export type Part = Html | string | number | false | null | undefined | readonly Part[];

/** Of each template that was used: the values that stand for attributes. */
const checked = new WeakMap<TemplateStringsArray, ReadonlySet<number>>();

/**
 * A template. Whatever is put in is escaped, unless it came out of a template itself, so no page can forget to do it.
 * A value may stand between tags or in a quoted attribute; a template with a value anywhere else throws when it is
 * first used.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const flags = checked.get(strings) ?? requireSafePlaces(strings);
  const pieces: string[] = [];
  strings.forEach((string, index) => {
    pieces.push(string);
    if (index >= parts.length) return;
    const part = parts[index];
    if (flags.has(index) && !(part instanceof Html))
      throw new Error('Only flag() may stand for an attribute');
    append(pieces, part);
  });
  return Html.join(pieces);
}

/** An attribute that stands for itself when the condition holds: `<option ${flag('selected', isChosen)}>`. */
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

/** Escaping makes a value harmless in text and in quotes; not in a script, a style, or the name of an attribute. */
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
