import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Any node of a YAML document. */
export type Node = Readonly<Record<string, unknown>>;

/** Every YAML document below `deploy/`, by the path of its file. The templates of the chart are no YAML. */
export function manifests(): ReadonlyMap<string, readonly Node[]> {
  const paths = readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ya?ml$/.test(path) && !path.startsWith('helm'))
    .map((path) => join('deploy', path));
  return new Map(paths.map((path) => [path, documentsOf(path)]));
}

/** @throws Error when the file is not valid YAML */
export function documentsOf(path: string): Node[] {
  return parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map((document) => {
    if (document.errors.length > 0) throw new Error(`${path}: ${document.errors.join(', ')}`);
    return document.toJS() as Node;
  });
}

/** All that a document holds under a name, at any depth. */
export function valuesOf(node: unknown, name: string): unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => [
    ...(key === name ? [value as unknown] : []),
    ...valuesOf(value, name),
  ]);
}

/** Whether a file that another one names is there. */
export function isThere(file: string, named: string): boolean {
  return existsSync(join(ROOT, dirname(file), named));
}
