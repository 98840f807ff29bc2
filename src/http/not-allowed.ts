import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { ProblemError } from './problem.error.js';
import { publicPath } from './public-path.js';

/** The part of the Express router that this file reads. */
interface RouterLayer {
  match(path: string): unknown;
  readonly rawPath?: unknown;
  readonly route?: {
    readonly methods: Readonly<Record<string, boolean | undefined>>;
    readonly stack: readonly { readonly handle: unknown }[];
  };
}

interface RouterLike {
  readonly stack: readonly RouterLayer[];
}

/** Handles HEAD for a route that supports only GET. */
export function refuseHead(request: Request, _response: Response, next: NextFunction): void {
  next(notAllowed(allowedMethods(routerOf(request), request.path)));
}

/** The error of a path that no route has. */
export function noSuchPath(request: IncomingMessage): ProblemError {
  return new ProblemError(
    'not_found',
    `There is no such path; ${publicPath(request, '/docs')} lists the API`,
  );
}

/** The last handler. Answers 404, 405 with `Allow`, or, for OPTIONS, only `Allow`. */
export function refuseUnrouted(request: Request, response: Response, next: NextFunction): void {
  const allowed = allowedMethods(routerOf(request), request.path);
  if (allowed.length === 0) {
    next(noSuchPath(request));
  } else if (request.method === 'OPTIONS') {
    response.statusCode = 204;
    response.setHeader('Allow', allowed.join(', '));
    response.end();
  } else {
    next(notAllowed(allowed));
  }
}

function notAllowed(allowed: readonly string[]): ProblemError {
  const list = allowed.join(', ');
  return new ProblemError('method_not_allowed', `This path supports ${list}`, { headers: { Allow: list } });
}

/** The methods of the most specific matching route; routes are registered in that order. */
function allowedMethods({ stack }: RouterLike, path: string): readonly string[] {
  const matching = stack.filter((layer) => layer.route && matches(layer, path));
  const methods = new Set<string>();
  let isHeadRefused = false;
  for (const { rawPath, route } of matching) {
    if (!route || rawPath !== matching[0]?.rawPath) continue;
    if (route.stack.some(({ handle }) => handle === refuseHead)) isHeadRefused = true;
    for (const method of Object.keys(route.methods)) methods.add(method.toUpperCase());
  }
  if (methods.has('GET')) methods.add('HEAD');
  if (isHeadRefused) methods.delete('HEAD');
  return [...methods].filter((method) => method !== '_ALL').sort();
}

function matches(layer: RouterLayer, path: string): boolean {
  try {
    return layer.match(path) !== false;
  } catch {
    // A malformed percent escape: a route that would match has answered it already.
    return false;
  }
}

function routerOf(request: Request): RouterLike {
  return request.app.router as unknown as RouterLike;
}
