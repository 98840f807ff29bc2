/**
 * `node --import ./test/support/typescript.hooks.mjs FILE.ts`: has Node read TypeScript, compiled as jest does it. What
 * runs for long and needs nothing of jest is faster so.
 */
import { existsSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transformSync } from '@swc/core';
import jestConfig from '../../jest.config.js';

const [, options] = Object.values(jestConfig.transform)[0];

// Hooks run on a thread of their own, which reads this file as well.
if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  if (/^\.{1,2}\/.*\.js$/.test(specifier)) {
    const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(url)) return { url: url.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  const { code } = transformSync(readFileSync(filename, 'utf8'), { ...options, sourceMaps: false, filename });
  return { format: 'module', source: code, shortCircuit: true };
}
