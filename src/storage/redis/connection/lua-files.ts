import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * A file of Lua. Its first lines say what it uses of other files, and what it gives to those that need it:
 *
 * ```lua
 * -- needs: lanes, record
 * -- gives: park, unpark
 * ```
 *
 * A file gives functions and tables that it writes without `local`. All other names are local to the file.
 */
export interface LuaFile {
  readonly name: string;
  readonly needs: readonly string[];
  readonly gives: readonly string[];
  readonly text: string;
}

/** The Lua files of the driver by name, from all its folders. */
const FILES = readLuaFiles(join(import.meta.dirname, '..'));

/**
 * Joins a script with all files that it needs, directly or not, each once and before its users.
 *
 * @throws Error when a file is missing, or files need each other
 */
export function composeScript(name: string, files: ReadonlyMap<string, LuaFile> = FILES): string {
  const parts: string[] = [];
  const done = new Set<string>();
  const add = (needed: string, path: readonly string[]): void => {
    if (done.has(needed)) return;
    const chain = [...path, needed];
    if (path.includes(needed)) throw new Error(`Lua files need each other: ${chain.join(' → ')}`);
    const file = files.get(needed);
    if (file === undefined) throw new Error(`There is no Lua file ${chain.join(' → ')}`);
    for (const other of file.needs) add(other, chain);
    done.add(needed);
    parts.push(path.length === 0 ? file.text : asPart(file));
  };
  add(name, []);
  return parts.join('\n');
}

/** All Lua files of a folder and its subfolders. @throws Error when two have the same name */
export function readLuaFiles(folder: string): ReadonlyMap<string, LuaFile> {
  const files = new Map<string, LuaFile>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.lua')) continue;
    const name = basename(path, '.lua');
    if (files.has(name)) throw new Error(`Two Lua files are called ${name}`);
    files.set(name, parseLua(name, readFileSync(join(folder, path), 'utf8')));
  }
  return files;
}

export function parseLua(name: string, text: string): LuaFile {
  return { name, needs: namesBehind('needs', text), gives: namesBehind('gives', text), text };
}

/** The block ends the private names of the file; the given names remain. */
function asPart({ gives, text }: LuaFile): string {
  return `local ${gives.join(', ')}\ndo\n${text}\nend`;
}

function namesBehind(word: 'needs' | 'gives', text: string): readonly string[] {
  const lines = text.matchAll(new RegExp(`^-- ${word}: (.*)$`, 'gm'));
  return [...lines].flatMap(([, names = '']) => names.split(', '));
}
