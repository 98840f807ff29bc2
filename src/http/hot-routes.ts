import {
  type CanActivate,
  type ExceptionFilter,
  ForbiddenException,
  HttpStatus,
  type INestApplication,
  Logger,
  type PipeTransform,
  RequestMethod,
  type Type,
} from '@nestjs/common';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  HEADERS_METADATA,
  HOST_METADATA,
  HTTP_CODE_METADATA,
  type HttpArgumentsHost,
  INTERCEPTORS_METADATA,
  METHOD_METADATA,
  PARAMTYPES_METADATA,
  PIPES_METADATA,
  REDIRECT_METADATA,
  RENDER_METADATA,
  RESPONSE_PASSTHROUGH_METADATA,
  ROUTE_ARGS_METADATA,
  RouteParamtypes,
  SSE_METADATA,
  VERSION_METADATA,
} from '@nestjs/common/internal';
import type { ApplicationConfig } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { ParamsTokenFactory } from '@nestjs/core/pipes/params-token-factory.js';
import { RouteParamsFactory } from '@nestjs/core/router/route-params-factory.js';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { ProblemFilter } from './problem.filter.js';

const HOT = Symbol('hot route');

/** The method of a controller behind a hot route. */
interface HotMethod {
  readonly prototype: object;
  readonly name: string;
}

/** Marks a route that `HotRoutes` calls. Its method sends the response, or returns an object. */
export function HotRoute(): MethodDecorator {
  return (prototype, method, descriptor) => {
    const hot: HotMethod = { prototype, name: String(method) };
    Reflect.defineMetadata(HOT, hot, descriptor.value as object);
  };
}

/** What Nest can put around a method, or do instead of it, and `HotRoutes` cannot. */
const FOREIGN = [
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  HEADERS_METADATA,
  HOST_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
  REDIRECT_METADATA,
  RENDER_METADATA,
  RESPONSE_PASSTHROUGH_METADATA,
  SSE_METADATA,
  VERSION_METADATA,
];

/** What runs around every handler. */
interface Surroundings {
  readonly guard: CanActivate;
  readonly filter: ExceptionFilter;
}

/**
 * Handlers for the hot routes. They call the same guard, parameter decorators, pipes, method and filter as the handler
 * that Nest makes, in the same order and from the same metadata, but create one context and wait only for promises. Nest
 * creates four contexts and about twenty promises, 7 % of the processor time of an enqueue.
 *
 * If an extension adds something around every handler, all routes keep the handlers of Nest.
 */
export class HotRoutes {
  /** The methods with such a handler, as `Class.method`. */
  readonly taken: string[] = [];
  private readonly logger = new Logger('Http');
  private isLeft = false;

  constructor(private readonly app: INestApplication) {}

  /**
   * The handler to register instead of that of Nest; `undefined` to keep it.
   * @throws Error when a hot route has something that only Nest can do
   */
  handlerFor(registered: object): RequestHandler | undefined {
    // Nest copies the metadata of a method to the function that it registers.
    const hot = Reflect.getMetadata(HOT, registered) as HotMethod | undefined;
    if (hot === undefined) return undefined;
    const surroundings = surroundingsOf(this.app);
    if (surroundings === undefined) {
      this.tellLeft();
      return undefined;
    }
    this.taken.push(`${hot.prototype.constructor.name}.${hot.name}`);
    return this.compose(hot, surroundings);
  }

  private tellLeft(): void {
    if (!this.isLeft) {
      this.logger.log(
        'An extension adds global guards, pipes, interceptors or filters: hot routes are slower',
      );
    }
    this.isLeft = true;
  }

  private compose({ prototype, name }: HotMethod, { guard, filter }: Surroundings): RequestHandler {
    const controller = prototype.constructor as Type<object>;
    const method = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
    const foreign = FOREIGN.find((key) =>
      [controller, method].some((owner) => Reflect.getMetadata(key, owner) !== undefined),
    );
    if (foreign !== undefined) throw refusal(`${controller.name}.${name}`, foreign);
    const instance: object = this.app.get(controller, { strict: false });
    const parameters = parametersOf(this.app, controller, name);
    const answersItself = parameters.some(
      ({ type }) => type === RouteParamtypes.RESPONSE || type === RouteParamtypes.NEXT,
    );
    const status = statusOf(method);
    const adapter = this.app.getHttpAdapter();
    return async (request, response, next) => {
      const context = new HttpContext({ req: request, res: response, next }, controller, method);
      try {
        const isAdmitted = guard.canActivate(context);
        if (isAdmitted !== true && (await isAdmitted) !== true) throw new ForbiddenException();
        response.statusCode = status;
        const args = await argumentsOf(parameters, context);
        const result = await method.apply(instance, args);
        if (!answersItself) adapter.reply(response, result, status);
      } catch (error) {
        // By then Node has parsed a request without a body to its end, so its connection can stay open.
        await Promise.resolve();
        filter.catch(error, context);
      }
    };
  }
}

function refusal(method: string, key: string): Error {
  return new Error(`${method} cannot be a @HotRoute(): it has ${key}`);
}

/** `undefined` if there is more around handlers than the guard and the filter of the service. */
function surroundingsOf(app: INestApplication): Surroundings | undefined {
  // Not public; Nest's own OpenAPI module reads it as well.
  const { config } = app as unknown as { readonly config: ApplicationConfig };
  const [guard, ...guards] = config.getGlobalGuards();
  const [filter, ...filters] = config.getGlobalFilters();
  const others = [
    guards,
    filters,
    config.getGlobalInterceptors(),
    config.getGlobalPipes(),
    config.getGlobalPreRequestHooks(),
    config.getGlobalRequestFilters(),
    config.getGlobalRequestGuards(),
    config.getGlobalRequestInterceptors(),
    config.getGlobalRequestPipes(),
  ];
  const isAlone = others.every(({ length }) => length === 0) && config.getVersioning() === undefined;
  return isAlone && guard !== undefined && filter instanceof ProblemFilter ? { guard, filter } : undefined;
}

function statusOf(method: object): number {
  const status = Reflect.getMetadata(HTTP_CODE_METADATA, method) as number | undefined;
  const verb = Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod;
  return status ?? (verb === RequestMethod.POST ? HttpStatus.CREATED : HttpStatus.OK);
}

interface Messages {
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
}

/** Nest's context, without the three functions that its `switchToHttp` creates on each call. */
class HttpContext extends ExecutionContextHost implements HttpArgumentsHost {
  constructor(
    readonly messages: Messages,
    controller: Type,
    method: (...args: unknown[]) => unknown,
  ) {
    super([messages.req, messages.res, messages.next], controller, method);
  }

  override switchToHttp(): HttpArgumentsHost {
    return this;
  }

  getRequest(): never {
    return this.messages.req as never;
  }

  getResponse(): never {
    return this.messages.res as never;
  }

  getNext(): never {
    return this.messages.next as never;
  }
}

/** What a parameter decorator has recorded. */
interface Declared {
  readonly index: number;
  readonly data: unknown;
  readonly pipes: readonly (PipeTransform | Type<PipeTransform>)[];
  readonly schema?: never;
  /** Only of own decorators. */
  readonly factory?: (data: unknown, context: HttpContext) => unknown;
}

const TYPES = Object.values(RouteParamtypes).filter((type) => typeof type === 'number');

interface Parameter {
  /** Of a decorator of Nest. */
  readonly type: RouteParamtypes | undefined;
  readonly index: number;
  readonly read: (context: HttpContext) => unknown;
}

/** In the order in which Nest reads them. */
function parametersOf(app: INestApplication, controller: Type<object>, name: string): Parameter[] {
  const declared = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) as Record<string, Declared>;
  const types = Reflect.getMetadata(PARAMTYPES_METADATA, controller.prototype as object, name) as Type[];
  const factory = new RouteParamsFactory();
  return Object.entries(declared).map(([key, { index, data, pipes, schema, factory: own }]) => {
    const isOwn = key.includes(CUSTOM_ROUTE_ARGS_METADATA);
    const type = isOwn ? undefined : TYPES.find((known) => key.startsWith(`${known}:`));
    const extract = (context: HttpContext): unknown =>
      type === undefined
        ? own?.(data, context)
        : factory.exchangeKeyForValue(type, data as string, context.messages);
    const [given, ...further] = pipes;
    if (given === undefined) return { type, index, read: extract };
    if (further.length > 0) throw refusal(`${controller.name}.${name}`, 'a parameter with several pipes');
    const pipe = typeof given === 'function' ? app.get(given, { strict: false }) : given;
    const token = type === undefined ? 'custom' : new ParamsTokenFactory().exchangeEnumForString(type);
    const about = { metatype: types[index], type: token, data: data as string, schema };
    return { type, index, read: (context) => pipe.transform(extract(context), about) as unknown };
  });
}

/** All reading begins before an error counts, so that an invalid id does not leave the body unread. */
async function argumentsOf(parameters: readonly Parameter[], context: HttpContext): Promise<unknown[]> {
  const args: unknown[] = [];
  const pending: Promise<unknown>[] = [];
  for (const { index, read } of parameters) {
    const value = begin(read, context);
    args[index] = value;
    if (value instanceof Promise) pending.push(value);
  }
  if (pending.length > 1) await Promise.all(pending);
  for (const [index, value] of args.entries()) if (value instanceof Promise) args[index] = await value;
  return args;
}

function begin(read: Parameter['read'], context: HttpContext): unknown {
  try {
    return read(context);
  } catch (error) {
    const reason = error as Error;
    return Promise.reject(reason);
  }
}
