import 'reflect-metadata';
import type { ExecutionContext, Type } from '@nestjs/common';
import { ANYONE } from '../../src/auth/principal.js';
import { ProblemError } from '../../src/http/problem.error.js';
import { problemOf } from '../../src/http/problem.filter.js';
import { sendProblem } from '../../src/http/problem-writer.js';
import { sendJson } from '../../src/http/raw-reply.js';
import type { Connection } from './connection.js';

/** How Nest numbers what a parameter of a handler may be. */
const RESPONSE = 1;
const PATH_PARAMETER = 5;
const HEADER = 6;
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];

interface Pipe {
  transform(value: unknown, metadata: object): unknown;
}

interface Parameter {
  readonly index: number;
  readonly data?: unknown;
  readonly factory?: (data: unknown, context: ExecutionContext) => unknown;
  readonly pipes: readonly (Pipe | Type<Pipe>)[];
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly controller: Type;
  readonly handler: string;
  /** By what they are, each with the number that Nest has for it. */
  readonly parameters: readonly (readonly [kind: number, Parameter])[];
}

type Make = (type: Type<unknown>) => unknown;

/**
 * The way from a request to its handler and back: routes, parameters and problems as the decorators of the controllers
 * say, without a server and without keys.
 */
export class Door {
  private readonly routes: readonly Route[];

  constructor(
    controllers: readonly Type[],
    private readonly make: Make,
  ) {
    // Fixed paths before those with a parameter.
    this.routes = controllers.flatMap(knownRoutesOf).sort((one, other) => rank(one) - rank(other));
  }

  /** Answers a request. Resolves when the handler is done, not when the client has read the answer. */
  async handle(connection: Connection): Promise<void> {
    const { request, response, keys } = connection;
    const pathname = (request.url ?? '').replace(/\?.*$/, '');
    const route = this.routes.find(({ method, path }) => method === request.method && path.test(pathname));
    if (route === undefined) throw new Error(`There is no route ${request.method} ${pathname}`);
    const params = route.path.exec(pathname)?.groups ?? {};
    connection.principal = keys === undefined ? ANYONE : keys.principal;
    Object.assign(request, { principal: connection.principal, gate: keys?.guard, params });
    const context = contextOf({ request, response });
    try {
      if (connection.principal === undefined)
        throw new ProblemError('unauthorized', 'The key is not valid any more');
      const args: unknown[] = [];
      for (const [kind, parameter] of route.parameters) {
        args[parameter.index] = await this.argument(kind, parameter, context, params);
      }
      const controller = this.make(route.controller) as Record<string, (...args: unknown[]) => unknown>;
      const result: unknown = await controller[route.handler]?.(...args);
      if (!response.headersSent && !response.destroyed && result !== undefined)
        sendJson(response, 200, JSON.stringify(result));
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === 'internal_error') Object.assign(response, { fault: error });
      sendProblem(request, response, problem);
    }
  }

  private async argument(
    kind: number,
    { data, factory, pipes }: Parameter,
    context: ExecutionContext,
    params: Record<string, unknown>,
  ): Promise<unknown> {
    const http = context.switchToHttp();
    let value: unknown;
    if (factory !== undefined) value = factory(data, context);
    else if (kind === RESPONSE) return http.getResponse();
    else if (kind === PATH_PARAMETER) value = params[String(data)];
    else if (kind === HEADER) return undefined;
    else return http.getRequest();
    for (const pipe of pipes) {
      const made = (typeof pipe === 'function' ? this.make(pipe) : pipe) as Pipe;
      value = await made.transform(value, { type: 'custom', data });
    }
    return value;
  }
}

function contextOf({ request, response }: { request: unknown; response: unknown }): ExecutionContext {
  const http = { getRequest: () => request, getResponse: () => response };
  return { switchToHttp: () => http } as unknown as ExecutionContext;
}

const known = new Map<Type, readonly Route[]>();

function knownRoutesOf(controller: Type): readonly Route[] {
  const routes = known.get(controller) ?? routesOf(controller);
  known.set(controller, routes);
  return routes;
}

function routesOf(controller: Type): Route[] {
  const prefix = String(Reflect.getMetadata('path', controller) ?? '');
  const prototype = controller.prototype as Record<string, object>;
  return Object.getOwnPropertyNames(prototype).flatMap((handler) => {
    // The class itself, whose path is the prefix.
    if (handler === 'constructor') return [];
    const target = prototype[handler];
    if (typeof target !== 'function') return [];
    const path = Reflect.getMetadata('path', target) as string | undefined;
    if (path === undefined) return [];
    const parts = `${prefix}/${path}`.split('/').filter((part) => part !== '');
    const pattern = parts.map((part) => (part.startsWith(':') ? `(?<${part.slice(1)}>[^/]+)` : part));
    const declared = (Reflect.getMetadata('__routeArguments__', controller, handler) ?? {}) as Record<
      string,
      Parameter
    >;
    const parameters = Object.entries(declared).map(
      ([key, parameter]) => [Number.parseInt(key, 10), parameter] as const,
    );
    const method = METHODS[Number(Reflect.getMetadata('method', target))] ?? 'GET';
    return [{ method, path: new RegExp(`^/${pattern.join('/')}$`), controller, handler, parameters }];
  });
}

function rank({ path }: Route): number {
  return path.source.includes('(?<') ? 1 : 0;
}
