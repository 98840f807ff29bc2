import { type Token, tokensOf } from '../mutation/lua.tokens.js';

const KEYWORDS = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);

/** Reads a file once, with the names of each open block. */
class NameReader {
  readonly free = new Set<string>();
  readonly written = new Set<string>();
  private readonly scopes: Set<string>[] = [new Set()];
  private readonly brackets: string[] = [];
  private loopNames: Set<string> | undefined;

  constructor(private readonly tokens: readonly Token[]) {}

  read(): this {
    for (let at = 0; at < this.tokens.length; at += 1) at = this.step(at);
    return this;
  }

  private text(at: number): string {
    return this.tokens[at]?.text ?? '';
  }

  /** Answers the last token that it has looked at. */
  private step(at: number): number {
    const word = this.text(at);
    if ('({['.includes(word)) this.brackets.push(word);
    else if (')}]'.includes(word)) this.brackets.pop();
    else if (word === 'local') return this.declare(at + 1);
    else if (word === 'function') return this.openFunction(at + 1);
    else if (word === 'for') return this.openLoop(at + 1);
    else if (KEYWORDS.has(word)) this.moveScope(word);
    else if (this.tokens[at]?.kind === 'name' && !this.isField(at)) this.use(at);
    return at;
  }

  private declare(at: number): number {
    const isFunction = this.text(at) === 'function';
    let last = isFunction ? at + 1 : at;
    this.scopes.at(-1)?.add(this.text(last));
    if (isFunction) return at - 1;
    while (this.text(last + 1) === ',') {
      last += 2;
      this.scopes.at(-1)?.add(this.text(last));
    }
    return last;
  }

  private openFunction(at: number): number {
    if (this.text(at) !== '(' && !this.isKnown(this.text(at))) this.written.add(this.text(at));
    const end = this.indexOf(')', at);
    const begin = this.indexOf('(', at);
    this.scopes.push(this.namesBetween(begin + 1, end));
    return end;
  }

  private openLoop(at: number): number {
    let end = at;
    while (!['=', 'in'].includes(this.text(end))) end += 1;
    this.loopNames = this.namesBetween(at, end);
    return end;
  }

  private moveScope(word: string): void {
    if (['end', 'until', 'else', 'elseif'].includes(word)) this.scopes.pop();
    if (['then', 'repeat', 'else'].includes(word)) this.scopes.push(new Set());
    if (word !== 'do') return;
    this.scopes.push(this.loopNames ?? new Set());
    this.loopNames = undefined;
  }

  private use(at: number): void {
    const name = this.text(at);
    if (this.isKnown(name)) return;
    this.free.add(name);
    // `a, b = 1, 2` writes both.
    let next = at + 1;
    while (this.text(next) === ',' && this.brackets.length === 0) next += 2;
    if (this.text(next) === '=' && this.brackets.length === 0) this.written.add(name);
  }

  /** Behind a dot, or the name of a field of a table that is written down. */
  private isField(at: number): boolean {
    if (this.text(at - 1) === '.') return true;
    const isFirst = ['{', ',', ';'].includes(this.text(at - 1));
    return this.brackets.at(-1) === '{' && isFirst && this.text(at + 1) === '=';
  }

  private isKnown(name: string): boolean {
    return this.scopes.some((scope) => scope.has(name));
  }

  private indexOf(word: string, from: number): number {
    return this.tokens.findIndex(({ text }, at) => at >= from && text === word);
  }

  private namesBetween(begin: number, end: number): Set<string> {
    const names = this.tokens.slice(begin, end).filter(({ kind }) => kind === 'name');
    return new Set(names.map(({ text }) => text));
  }
}

/**
 * The names that a Lua file uses without declaring them as its own, and those of them that it writes. Knows the Lua that the
 * scripts of the store are written in.
 */
export function outerNamesOf(source: string): {
  readonly used: ReadonlySet<string>;
  readonly written: ReadonlySet<string>;
} {
  const { free, written } = new NameReader(tokensOf(source)).read();
  return { used: free, written };
}
