import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Type } from '@nestjs/common';
import type { Config } from './config/config.js';

/**
 * Loads the modules in `EXTENSIONS`, in order. Their code has all permissions of the service.
 *
 * @throws Error that names the invalid file and the reason
 */
export async function loadExtensions(config: Config): Promise<Type[]> {
  const files = config.EXTENSIONS?.split(',').map((file) => file.trim()) ?? [];
  return Promise.all(files.filter((file) => file !== '').map(loadExtension));
}

async function loadExtension(file: string): Promise<Type> {
  const { href } = pathToFileURL(resolve(file));
  const exports = (await import(href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot load the extension ${file}: ${reason}`, { cause });
  })) as { default?: unknown };
  if (typeof exports.default === 'function') return exports.default as Type;
  throw new Error(`The default export of the extension ${file} is not a Nest module`);
}
