import {
  Controller,
  Get,
  Headers,
  HttpCode,
  type INestApplication,
  Module,
  Param,
  Post,
  Res,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { CurrentPrincipal, LeaseCredential, Public, Roles } from '../../src/auth/access.decorator.js';
import { AuthModule } from '../../src/auth/auth.module.js';
import { effectiveLeaseId } from '../../src/auth/lease-credential.js';
import type { Principal } from '../../src/auth/principal.js';
import type { Config } from '../../src/config/config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { createExpressAdapter } from '../../src/http/express-adapter.js';
import { HttpModule, limitsOf } from '../../src/http/http.module.js';
import { JsonBody } from '../../src/http/json-body.decorator.js';
import { QueryParams } from '../../src/http/query.decorator.js';
import { sendJson } from '../../src/http/raw-reply.js';
import { CreateTaskDto } from '../../src/queue/dto/create-task.dto.js';
import { NextQuery, TaskQueryDto } from '../../src/queue/dto/query.dto.js';
import { CompleteDto } from '../../src/queue/dto/work.dto.js';
import { requireQueue, requireQueues } from '../../src/queue/queue-access.js';
import { StorageModule } from '../../src/storage/storage.module.js';
import { ANSWERS } from './answers.js';

@Controller('tasks')
class NoopController {
  @Post()
  @Roles('producer')
  create(
    @JsonBody(CreateTaskDto) dto: CreateTaskDto,
    @CurrentPrincipal() principal: Principal,
    @Headers('traceparent') _traceparent: string | undefined,
    @Res() response: Response,
  ): void {
    requireQueue(principal, dto.queue);
    sendJson(response, 201, ANSWERS.enqueued, { Location: `/tasks/${dto.eval_id}` });
  }

  @Get('next')
  @Roles('worker')
  next(
    @QueryParams(NextQuery) query: NextQuery,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): void {
    requireQueues(principal, query.queue);
    sendJson(response, 200, ANSWERS.claimed);
  }

  @Get(':eval_id')
  @Roles('producer', 'worker', 'viewer')
  find(
    @Param('eval_id') _id: string,
    @QueryParams(TaskQueryDto) _query: TaskQueryDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): void {
    requireQueue(principal, 'default');
    sendJson(response, 200, ANSWERS.read);
  }

  @Post(':eval_id/complete')
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  complete(
    @Param('eval_id') _id: string,
    @JsonBody(CompleteDto) dto: CompleteDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): void {
    effectiveLeaseId(principal, dto.lease_id);
    sendJson(response, 200, ANSWERS.completed);
  }
}

@Controller('readyz')
@Public()
class ReadyController {
  @Get()
  ready(@Res() response: Response): void {
    sendJson(response, 200, '{"status":"ready"}');
  }
}

/**
 * The service without its work: the same adapter, guard, DTOs and replies, and handlers that do nothing. What the service
 * is slower than this is what its own work costs. The guard wants a store for the secret of the leases, so there is one.
 */
export async function createNoopApp(config: Config): Promise<INestApplication> {
  @Module({
    imports: [ConfigModule.forRoot(config), StorageModule.forRoot(), HttpModule, AuthModule],
    controllers: [NoopController, ReadyController],
  })
  class NoopModule {}

  return NestFactory.create<NestExpressApplication>(NoopModule, createExpressAdapter(limitsOf(config)), {
    logger: ['error'],
    bodyParser: false,
    routeResolutionStrategy: 'specificity',
    abortOnError: false,
  });
}
