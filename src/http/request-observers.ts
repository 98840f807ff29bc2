import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { isWhole, noteEnd } from './raw-reply.js';
import { stopwatch } from './stopwatch.js';

/** A request that was answered or abandoned by its client. */
export interface ServedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Milliseconds from the headers to the end of the response, including parked time. */
  readonly duration: number;
}

export type RequestObserver = (served: ServedRequest) => void;

/** Reports served requests. Costs nothing without watchers. */
export class RequestObservers {
  private readonly watchers: RequestObserver[] = [];

  /** Calls `watcher` after every request that arrives from now on. It must not throw. */
  add(watcher: RequestObserver): void {
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

/** An HTTP adapter that reports served requests. */
export interface ObservedAdapter {
  readonly requests: RequestObservers;
}

/** Watches the requests of an application. Call it while modules initialize. */
export function observeRequests({ httpAdapter }: HttpAdapterHost, watcher: RequestObserver): void {
  const { requests } = httpAdapter as Partial<ObservedAdapter>;
  requests?.add(watcher);
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The method, or `other`: Node accepts thirty more methods, which no route uses. */
export function methodOf({ method = '' }: IncomingMessage): string {
  return METHODS.has(method) ? method : 'other';
}

/** The template of the matching route, such as `/tasks/:eval_id`; `undefined` without a match. */
export function routeOf(request: IncomingMessage & { readonly route?: unknown }): string | undefined {
  const { route } = request;
  if (typeof route !== 'object' || route === null || !('path' in route)) return undefined;
  return typeof route.path === 'string' ? route.path : undefined;
}

/** The response status; `undefined` if the client left before the response. */
export function statusOf({ response }: Pick<ServedRequest, 'response'>): number | undefined {
  return isWhole(response) ? response.statusCode : undefined;
}
