import {
  createServer,
  IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
  ServerResponse,
  type ServerOptions,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import express, { type Express, type RequestHandler } from 'express';
import { BufferedBytes } from './buffered-bytes.js';
import { ConnectionQueue } from './connection-queue.js';
import { isAllowedHost } from './allowed-hosts.js';
import type { HotRoutes } from './hot-routes.js';
import { HttpLimits } from './http-limits.js';
import { refusesHead } from './no-head.decorator.js';
import { refuseHead, refuseUnrouted } from './not-allowed.js';
import { ProblemError } from './problem.error.js';
import { sendProblem } from './problem-writer.js';
import { problemOf } from './problem.filter.js';
import { enterUnderPrefix } from './public-path.js';
import { sendJson } from './raw-reply.js';
import { assignRequestId, commonHeaders } from './request-id.js';
import { RequestObservers, type ObservedAdapter } from './request-observers.js';
import { type Match, type RouterLike, RouteTable } from './route-table.js';
import { guardServer } from './server-guards.js';

/** In milliseconds. */
export interface HttpTimeouts {
  /** Between two requests on one connection; longer than the 60 s of common proxies. */
  readonly keepAlive: number;
  /** To receive all headers. */
  readonly headers: number;
  /** To receive the whole request, excluding the handling by the service. */
  readonly request: number;
  readonly checkInterval: number;
  /** Without traffic in either direction, while no request is in progress. */
  readonly idle: number;
}

const HTTP_TIMEOUTS: HttpTimeouts = {
  keepAlive: 75_000,
  headers: 10_000,
  request: 20_000,
  checkInterval: 1_000,
  idle: 90_000,
};

interface AdapterSettings {
  readonly limits: HttpLimits;
  readonly timeouts: HttpTimeouts;
  readonly usesRouteTable: boolean;
}

/** The adapter of the service, the tests and the OpenAPI document. */
export function createExpressAdapter(
  limits: HttpLimits = new HttpLimits(),
  timeouts: Partial<HttpTimeouts> = {},
  usesRouteTable = true,
): FastExpressAdapter {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('strict routing');
  app.enable('case sensitive routing');
  app.set('query parser', 'simple');
  // Express would turn a response into 304 by If-None-Match after the handler has changed data.
  Object.defineProperty(app.request, 'fresh', { value: false });
  return new FastExpressAdapter(app, { limits, timeouts: { ...HTTP_TIMEOUTS, ...timeouts }, usesRouteTable });
}

/**
 * Express for Nest, on a server whose requests and responses have the prototypes of Express from the start. Express
 * sets these prototypes on every request. Setting an equal prototype is a no-op, so V8 keeps its optimized object
 * shapes, which makes the service several times faster.
 */
export class FastExpressAdapter extends ExpressAdapter implements ObservedAdapter {
  readonly requests = new RequestObservers();
  /** Finds the same routes as Express. */
  readonly routes?: RouteTable<RequestHandler>;
  /** Set before the routes are registered. */
  hotRoutes?: HotRoutes;
  private readonly limits: HttpLimits;
  private readonly timeouts: HttpTimeouts;

  constructor(
    private readonly app: Express,
    { limits, timeouts, usesRouteTable }: AdapterSettings,
  ) {
    super(app);
    this.limits = limits;
    this.timeouts = timeouts;
    const router = () => app.router as unknown as RouterLike;
    // The existing layers belong to unused hooks of Nest's adapter.
    if (usesRouteTable) this.routes = new RouteTable(router, router().stack.length);
  }

  override initHttpServer(options: NestApplicationOptions): void {
    const serverOptions = { ...this.serverOptions(), ...options.httpsOptions };
    const connections = new ConnectionQueue(this.limits.maxPipelinedRequests);
    const serving = { app: this.app, routes: this.routes, requests: this.requests };
    const listener = listenerFor(serving, this.limits, connections);
    const server: Server = options.httpsOptions
      ? createTlsServer(serverOptions, listener)
      : createServer(serverOptions, listener);
    const { idle } = this.timeouts;
    server.timeout = idle;
    server.on('timeout', (socket: Socket) => {
      // A request over very many tasks can take long; check again later.
      if (connections.isWorking(socket)) socket.setTimeout(idle);
      else socket.destroy();
    });
    // The size limit suffices; a count limit would silently drop headers, including the key.
    server.maxHeadersCount = 0;
    guardServer(server, this.limits);
    this.setHttpServer(server);
  }

  /** Nest registers each GET route through this method. */
  override get(...args: readonly unknown[]): unknown {
    const [path, handler] = args;
    if (typeof path === 'string' && refusesHead(handler)) this.app.head(path, refuseHead as RequestHandler);
    return super.get(...this.withHotHandler(args as Parameters<ExpressAdapter['get']>));
  }

  override post(...args: readonly unknown[]): unknown {
    return super.post(...this.withHotHandler(args as Parameters<ExpressAdapter['post']>));
  }

  /** Sends the returned object of a handler as JSON, in one write. */
  override reply(response: ServerResponse, body: unknown, status?: number): unknown {
    if (typeof body !== 'object' || body === null) return super.reply(response, body, status);
    sendJson(response, status ?? response.statusCode, JSON.stringify(body));
    return undefined;
  }

  override setNotFoundHandler(): unknown {
    return this.app.use(refuseUnrouted as RequestHandler);
  }

  /** The arguments of a registration, with the handler of a hot route in place of Nest's. */
  private withHotHandler<Args extends unknown[]>(args: Args): Args {
    const handler = args.at(-1);
    const hot = handler instanceof Function ? this.hotRoutes?.handlerFor(handler) : undefined;
    return hot === undefined ? args : ([...args.slice(0, -1), hot] as Args);
  }

  private serverOptions(): ServerOptions {
    const { keepAlive, headers, request, checkInterval } = this.timeouts;
    return {
      ...messageClasses(this.app),
      maxHeaderSize: this.limits.maxHeaderBytes,
      keepAliveTimeout: keepAlive,
      headersTimeout: headers,
      requestTimeout: request,
      connectionsCheckingInterval: checkInterval,
      requireHostHeader: true,
      insecureHTTPParser: false,
    };
  }
}

/** The targets of requests. */
interface Serving {
  readonly app: Express;
  readonly routes: RouteTable<RequestHandler> | undefined;
  readonly requests: RequestObservers;
}

function listenerFor(serving: Serving, limits: HttpLimits, queue: ConnectionQueue): RequestListener {
  const handle = handlerFor(serving, limits);
  return (request, response) => {
    queue.enter(request, response, () => handle(request, response));
  };
}

function handlerFor({ app, routes, requests }: Serving, limits: HttpLimits): RequestListener {
  const { allowedHosts } = limits;
  const buffered = new BufferedBytes(limits.maxBufferedBytes);
  return (request, response) => {
    enterUnderPrefix(request, limits);
    buffered.own(response);
    assignRequestId(request);
    requests.begin(request, response);
    if (!isAllowedHost(request, allowedHosts)) {
      const detail = 'This Host is not allowed; add it to ALLOWED_HOSTS';
      sendProblem(request, response, new ProblemError('forbidden', detail));
      return;
    }
    // Reached only by request targets without a path; others end in a route or in refuseUnrouted.
    const refuse = (error?: unknown) => {
      const nothing = new ProblemError('not_found', 'There is no such path');
      sendProblem(request, response, error === undefined ? nothing : problemOf(error));
    };
    const expressRequest = request as express.Request;
    const expressResponse = response as express.Response;
    const match = routes?.find(request.method ?? '', request.url ?? '');
    if (match === undefined) app(expressRequest, expressResponse, refuse);
    else take(expressRequest, expressResponse, { match, next: refuse });
  };
}

interface Taking {
  readonly match: Match<RequestHandler>;
  readonly next: (error?: unknown) => void;
}

/** Passes a request to its route, with the properties that Express sets. */
function take(request: express.Request, response: express.Response, { match, next }: Taking): void {
  request.res = response;
  request.baseUrl = '';
  request.originalUrl = request.url;
  request.next = next;
  request.params = match.params;
  request.route = match.route;
  response.locals = Object.create(null) as express.Response['locals'];
  Promise.resolve(match.handle(request, response, next)).catch(next);
}

/**
 * The message classes of Node with the additions of Express. They are real subclasses whose prototypes Express then
 * uses.
 */
function messageClasses(app: Express): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse<R extends IncomingMessage> extends ServerResponse<R> {
    /** Adds the common headers that are not set. One list costs 8 % less processor time than setting each header. */
    override writeHead(status: number, ...given: readonly unknown[]): this {
      const common = commonHeaders(this.req);
      const [list] = given;
      if (Array.isArray(list) && this.getHeaderNames().length === 0) {
        return super.writeHead(status, [...common, ...(list as OutgoingHttpHeader[])]);
      }
      for (let at = 0; at < common.length; at += 2) {
        const name = common[at] ?? '';
        if (!this.hasHeader(name)) this.setHeader(name, common[at + 1] ?? '');
      }
      return super.writeHead(status, ...(given as [OutgoingHttpHeaders]));
    }
  }
  inherit(ExpressRequest.prototype, app.request);
  inherit(ExpressResponse.prototype, app.response);
  app.request = ExpressRequest.prototype as express.Request;
  app.response = ExpressResponse.prototype as unknown as express.Response;
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse };
}

function inherit(prototype: object, from: object): void {
  Object.setPrototypeOf(prototype, Object.getPrototypeOf(from) as object);
  Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(from));
}
