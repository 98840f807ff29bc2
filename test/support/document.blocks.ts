import { readFileSync } from 'node:fs';

/** Where npm runs every script: this file may have been compiled into another place. */
const ROOT = `${process.cwd()}/`;

/** A fenced block of a Markdown document. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** One command of a `console` block, and what the document says it prints. */
export interface ConsoleStep {
  readonly command: string;
  readonly output: string;
}

/** The fenced blocks of a document of this repository, in order. */
export function blocksOf(document: string): readonly Block[] {
  const text = readFileSync(`${ROOT}${document}`, 'utf8');
  return [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
    language,
    text: body,
  }));
}

/** The commands of a `console` block: lines that begin with `$ `, and those they go on with after a backslash. */
export function stepsOf(block: Block): readonly ConsoleStep[] {
  return block.text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, command = '', output = ''] = /^((?:[^\n]*\\\n)*[^\n]*)\n?(.*)$/s.exec(part) ?? [];
      return { command, output };
    });
}
