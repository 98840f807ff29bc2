import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Type } from '@nestjs/common';
import type { Config } from './config/config.js';

/**
 * Loads the modules that `EXTENSIONS` names, in its order. Their code may do all that the service may.
 *
 * @throws Error that says which file cannot be used, and why
 */
export async function loadExtensions(config: Config): Promise<Type[]> {
  const files = config.EXTENSIONS?.split(',').map((file) => file.trim()) ?? [];
  return Promise.all(files.filter((file) => file !== '').map(loadExtension));
}

async function loadExtension(file: string): Promise<Type> {
  const { href } = pathToFileURL(resolve(file));
  const exports = (await import(href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the extension ${file} cannot be loaded: ${reason}`, { cause });
  })) as { default?: unknown };
  if (typeof exports.default === 'function') return exports.default as Type;
  throw new Error(`the extension ${file} has no Nest module as its default export`);
}
