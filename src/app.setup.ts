import type { Server } from 'node:http';
import {
  ConsoleLogger,
  type INestApplication,
  type LoggerService,
  type LogLevel,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { ApiDocument } from './docs/api-document.js';
import { createExpressAdapter } from './http/express.adapter.js';
import { limitsOf } from './http/http.module.js';
import type { Clock } from './task/clock.js';

export interface AppOptions {
  /** Another clock than the machine's, for tests. */
  readonly clock?: Clock;
  /** Modules that others have written. */
  readonly extensions?: readonly Type[];
  readonly logger?: LoggerService | false;
}

const LOG_LEVELS: Record<Config['LOG_LEVEL'], LogLevel[]> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/** What Nest says of every module and route it sets up: of use to developers only. */
const CHATTY = ['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication'];

class ServiceLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (CHATTY.includes(String(rest.at(-1)))) super.debug(message, ...(rest as [string]));
    else super.log(message, ...(rest as [string]));
  }

  /** Nest logs the stack of a failed start; main says in one line what is wrong with it. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) === 'ExceptionHandler') super.debug(message, ...(rest as [string]));
    else super.error(message, ...(rest as [string]));
  }
}

/** Lines of JSON, or coloured ones for a terminal. */
export function createLogger(config: Config): LoggerService {
  const isJson = config.LOG_FORMAT === 'json';
  return new ServiceLogger({ json: isJson, colors: !isJson, logLevels: LOG_LEVELS[config.LOG_LEVEL] });
}

/** Makes the application, the same way for main, tests and the OpenAPI document. It does not listen yet. */
export async function createApp(config: Config, options: AppOptions = {}): Promise<INestApplication> {
  const limits = limitsOf(config);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(config, options.clock, options.extensions),
    createExpressAdapter(limits),
    {
      logger: options.logger ?? createLogger(config),
      bodyParser: false,
      routeResolutionStrategy: 'specificity',
      abortOnError: false,
    },
  );
  const server: Server = app.getHttpServer();
  server.maxConnections = config.MAX_CONNECTIONS;
  app.get(ApiDocument).describe(app);
  return app;
}
