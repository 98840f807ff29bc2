import {
  Body,
  Controller,
  Header,
  type INestApplication,
  ParseIntPipe,
  Post,
  Res,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory } from '@nestjs/core';
import type { Response } from 'express';
import { createExpressAdapter } from '../../../src/http/express-adapter.js';
import { HotRoute, HotRoutes } from '../../../src/http/hot-routes.js';
import { ProblemFilter } from '../../../src/http/problem.filter.js';

class Passing {
  intercept(_: unknown, next: { handle(): unknown }): unknown {
    return next.handle();
  }
}

@Controller()
@UseInterceptors(Passing as never)
class Intercepted {
  @Post()
  @HotRoute()
  act(): void {}
}

@Controller()
class WithHeader {
  @Post()
  @HotRoute()
  @Header('X-Own', '1')
  act(): void {}
}

@Controller()
class WithTwoPipes {
  @Post()
  @HotRoute()
  act(@Body('a', ParseIntPipe, new ParseIntPipe()) _a: number, @Res() _response: Response): void {}
}

/** Stops before the application listens. */
async function start(controller: Type): Promise<INestApplication> {
  const providers = [
    { provide: APP_GUARD, useValue: { canActivate: () => true } },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ];
  const adapter = createExpressAdapter();
  const app = await NestFactory.create({ module: Passing, controllers: [controller], providers }, adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  adapter.hotRoutes = new HotRoutes(app);
  return app.init();
}

describe('a hot route', () => {
  it.each([
    ['an interceptor', Intercepted, '__interceptors__'],
    ['a header of Nest', WithHeader, '__headers__'],
    ['a parameter with two pipes', WithTwoPipes, 'a parameter with several pipes'],
  ])('with %s stops the start', async (_, controller, what) => {
    await expect(start(controller)).rejects.toThrow(
      `${controller.name}.act cannot be a @HotRoute(): it has ${what}`,
    );
  });
});
