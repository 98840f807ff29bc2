import type { Server } from 'node:http';
import type { INestApplication, LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { ApiDocument } from './docs/api-document.js';
import { createExpressAdapter } from './http/express-adapter.js';
import { HotRoutes } from './http/hot-routes.js';
import { limitsOf } from './http/http.module.js';
import { createLogger } from './logging/service-logger.js';
import type { Clock } from './task/clock.js';

export interface AppOptions {
  /** Replaces the system clock in tests. */
  readonly clock?: Clock;
  /** The modules that `EXTENSIONS` names. */
  readonly extensions?: readonly Type[];
  readonly logger?: LoggerService | false;
  /** For tests: `false` makes Express match every route, and Nest call every handler. */
  readonly usesShortcuts?: boolean;
}

/** Creates the application for the service, tests and the OpenAPI document. It does not listen yet. */
export async function createApp(config: Config, options: AppOptions = {}): Promise<INestApplication> {
  const limits = limitsOf(config);
  const adapter = createExpressAdapter(limits, {}, options.usesShortcuts);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(config, options.clock, options.extensions),
    adapter,
    {
      logger: options.logger ?? createLogger(config),
      bodyParser: false,
      routeResolutionStrategy: 'specificity',
      abortOnError: false,
    },
  );
  if (options.usesShortcuts !== false) adapter.hotRoutes = new HotRoutes(app);
  const server: Server = app.getHttpServer();
  server.maxConnections = config.MAX_CONNECTIONS;
  app.get(ApiDocument).describe(app, { isExtended: (options.extensions ?? []).length > 0 });
  return app;
}
