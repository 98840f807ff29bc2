import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { isWhole, noteEnd } from './raw-reply.js';
import { stopwatch } from './stopwatch.js';

/** A request that is over: answered, or left by its client. */
export interface ServedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Milliseconds from its headers to the end of the answer, what it was parked included. */
  readonly duration: number;
}

export type RequestWatcher = (served: ServedRequest) => void;

/** Tells what was served. Costs nothing while nobody watches. */
export class RequestWatch {
  private readonly watchers: RequestWatcher[] = [];

  /** Tells `watcher` of every request that comes from now on. It must not throw. */
  add(watcher: RequestWatcher): void {
    this.watchers.push(watcher);
  }

  begin(request: IncomingMessage, response: ServerResponse): void {
    if (this.watchers.length === 0) return;
    const startedAt = stopwatch();
    noteEnd(response);
    response.on('close', () => {
      const served = { request, response, duration: stopwatch() - startedAt };
      for (const watcher of this.watchers) watcher(served);
    });
  }
}

/** An adapter that tells what its server has served. */
export interface WatchedAdapter {
  readonly requests: RequestWatch;
}

/** Watches the requests of an application. To be called when its modules are initialised. */
export function watchRequests({ httpAdapter }: HttpAdapterHost, watcher: RequestWatcher): void {
  const { requests } = httpAdapter as Partial<WatchedAdapter>;
  requests?.add(watcher);
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The method, or `other`: Node takes thirty more, which no route has. */
export function methodOf({ method = '' }: IncomingMessage): string {
  return METHODS.has(method) ? method : 'other';
}

/** The template of the route that took a request, `/tasks/:eval_id`; `undefined` when none did. */
export function routeOf(request: IncomingMessage & { readonly route?: unknown }): string | undefined {
  const { route } = request;
  if (typeof route !== 'object' || route === null || !('path' in route)) return undefined;
  return typeof route.path === 'string' ? route.path : undefined;
}

/** The status of the answer; `undefined` when the client left before it was written. */
export function statusOf({ response }: Pick<ServedRequest, 'response'>): number | undefined {
  return isWhole(response) ? response.statusCode : undefined;
}
