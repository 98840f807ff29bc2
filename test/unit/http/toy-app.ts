import 'reflect-metadata';
import {
  Controller,
  Delete,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Post,
  Req,
  Res,
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory } from '@nestjs/core';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { Express, Request, Response } from 'express';
import { type AddressInfo } from 'node:net';
import type { Items } from '../../../src/http/body-items-reader.js';
import { CommaList } from '../../../src/http/comma-list.decorator.js';
import { createExpressAdapter, type HttpTimeouts } from '../../../src/http/express-adapter.js';
import { HttpLimits } from '../../../src/http/http-limits.js';
import { JsonBody } from '../../../src/http/json-body.decorator.js';
import { JsonItems } from '../../../src/http/json-items.decorator.js';
import { NoHead } from '../../../src/http/no-head.decorator.js';
import { problemDocument } from '../../../src/http/problem-writer.js';
import { ProblemError } from '../../../src/http/problem.error.js';
import { ProblemFilter } from '../../../src/http/problem.filter.js';
import { QueryParams } from '../../../src/http/query.decorator.js';
import { OpaqueJson, type RawJson } from '../../../src/http/raw-json.js';
import { onHangUp, sendJson } from '../../../src/http/raw-reply.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { LeaseLost } from '../../../src/task/task.errors.js';

export class ToyBackoff {
  @IsIn(['exponential', 'fixed'])
  readonly type: string = 'exponential';

  @IsNumber()
  @Min(0)
  readonly delay: number = 1;
}

export class ToyTask {
  @IsString()
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/)
  readonly eval_id!: string;

  @OpaqueJson({ type: 'string', maxBytes: 'maxCodeBytes' })
  readonly code!: RawJson;

  @IsOptional()
  @OpaqueJson({ type: 'object', maxBytes: 'maxMetadataBytes' })
  readonly metadata?: RawJson;

  @IsOptional()
  @OpaqueJson({ type: 'any', maxBytes: 'maxBodyBytes', isNullValue: true })
  readonly output?: RawJson;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  readonly language: string = 'python';

  @IsOptional()
  @IsInt()
  @Min(-1000)
  @Max(1000)
  readonly priority: number = 1;

  @IsOptional()
  @IsNumber()
  @Min(1)
  @Max(86_400)
  readonly timeout: number = 30;

  @IsOptional()
  @ValidateNested()
  @Type(() => ToyBackoff)
  readonly backoff?: ToyBackoff;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(3)
  @IsString({ each: true })
  readonly labels?: readonly string[];
}

export class ToyBatch {
  @IsOptional()
  @IsString()
  @MaxLength(20)
  readonly batch_id?: string;
}

export class ToyPoll {
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(60)
  readonly wait: number = 0;

  @IsOptional()
  @CommaList()
  @ArrayMaxSize(3)
  @Matches(/^[a-z]+$/, { each: true })
  readonly queue?: readonly string[];

  @IsOptional()
  @IsString()
  @Matches(/^[\w-]{1,64}$/)
  readonly worker_id?: string;
}

/** What the toy has seen: the tests look at it. */
export const seen = {
  hangUps: 0,
  claims: 0,
  arePrototypesKept: undefined as boolean | undefined,
  /** Answers the parked polls, in their order. */
  parked: [] as (() => void)[],
};

@Injectable()
class ToyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const key = context.switchToHttp().getRequest<Request>().headers['x-api-key'];
    if (key === 'bad') throw new ProblemError('unauthorized', 'Send a valid key');
    if (key === 'weak') throw new ForbiddenException();
    return true;
  }
}

const FAULTS: Record<string, () => Error> = {
  lease: () => new LeaseLost('t1', 'cancelled'),
  store: () => new StoreUnavailable('disk secret', 'unknown'),
  unknown: () => new Error('secret detail'),
  rate: () => new ProblemError('rate_limited', 'Slow down', { headers: { 'Retry-After': '7' } }),
  draining: () => new ProblemError('draining', 'The service is shutting down'),
};

@Controller()
class ToyController {
  @Post('tasks')
  create(@JsonBody(ToyTask) body: ToyTask, @Req() request: Request, @Res() response: Response): void {
    const app = request.app as Express;
    seen.arePrototypesKept =
      Object.getPrototypeOf(request) === app.request && Object.getPrototypeOf(response) === app.response;
    const { code, metadata, output, ...rest } = body;
    const payload = `"code":${code.text},"metadata":${metadata?.text ?? 'null'},"output":${output?.text ?? 'null'}`;
    sendJson(
      response,
      201,
      `{${payload},"rest":${JSON.stringify(rest)},"isDto":${body instanceof ToyTask}}`,
      {
        Location: `/tasks/${body.eval_id}`,
      },
    );
  }

  @Post('tasks/batch')
  batch(
    @JsonItems({ envelope: ToyBatch, item: ToyTask, member: 'tasks', maxItems: 5, takesNdjson: true })
    body: Items<ToyBatch, ToyTask>,
    @Res() response: Response,
  ): void {
    const results = body.items.map((item) =>
      'problem' in item
        ? problemDocument(item.problem)
        : { eval_id: item.value.eval_id, code: item.value.code.text },
    );
    sendJson(response, 200, JSON.stringify({ batch_id: body.envelope.batch_id, results }));
  }

  @Get('tasks/next')
  @NoHead()
  next(@QueryParams(ToyPoll) query: ToyPoll, @Res() response: Response): void {
    seen.claims++;
    if (query.wait === 0) {
      sendJson(response, 200, query.queue ? JSON.stringify(query) : 'null');
      return;
    }
    onHangUp(response, () => seen.hangUps++);
    seen.parked.push(() => sendJson(response, 200, 'null'));
  }

  @Get('tasks/:id')
  read(@Req() request: Request): object {
    return { eval_id: request.params.id };
  }

  @Delete('tasks/:id')
  remove(): object {
    return {};
  }

  @Get('faults/:kind')
  fault(@Req() request: Request): never {
    const kind = String(request.params.kind);
    throw FAULTS[kind]?.() ?? new Error(kind);
  }

  @Get('big')
  big(@Res() response: Response): void {
    sendJson(response, 200, JSON.stringify('x'.repeat(50_000_000)));
  }
}

export interface ToyApp {
  readonly app: INestApplication;
  readonly port: number;
}

export async function startToy(
  limits: HttpLimits = new HttpLimits(),
  timeouts: Partial<HttpTimeouts> = {},
): Promise<ToyApp> {
  @Module({
    controllers: [ToyController],
    providers: [
      { provide: HttpLimits, useValue: limits },
      { provide: APP_FILTER, useClass: ProblemFilter },
      { provide: APP_GUARD, useClass: ToyGuard },
    ],
  })
  class ToyModule {}
  const app = await NestFactory.create(ToyModule, createExpressAdapter(limits, timeouts), {
    bodyParser: false,
    routeResolutionStrategy: 'specificity',
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  return { app, port: (app.getHttpServer().address() as AddressInfo).port };
}
