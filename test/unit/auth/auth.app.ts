import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Catch, Controller, Get, Global, Module, Post } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter, INestApplication } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import type { Response } from 'express';
import {
  ChangesSomething,
  CurrentPrincipal,
  LeaseCredential,
  Public,
  Roles,
} from '../../../src/auth/access.decorator.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import type { Principal } from '../../../src/auth/principal.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { loadConfig } from '../../../src/config/config.js';
import { ProblemError } from '../../../src/http/problem.error.js';
import { PROBLEMS } from '../../../src/http/problems.js';
import { LeaseIds } from '../../../src/auth/lease-ids.js';
import { DocumentStore } from '../../../src/storage/document-store.js';
import { TaskStore } from '../../../src/storage/task-store.js';
import { Clock } from '../../../src/task/clock.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import type { FakeClock, KeptLog } from './auth.support.js';

/** One route for each way of letting somebody in; each answers who came. */
@Controller()
class SampleController {
  @Get('silent')
  silent(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }

  @Public()
  @Get('public')
  forAll(): string {
    return 'open';
  }

  @Roles('worker')
  @ChangesSomething()
  @Get('changing')
  forClaims(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }

  @Public()
  @Post('public')
  forAllToChange(): string {
    return 'open';
  }

  @Roles('producer')
  @Post('producer')
  forProducers(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }

  @Roles('worker')
  @Get('worker')
  forWorkers(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }

  @Roles('producer', 'viewer')
  @Get('viewer')
  forViewers(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }

  @Roles('admin')
  @Get('admin')
  forAdmins(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }

  @Roles('worker')
  @LeaseCredential()
  @Post('lease')
  forLeases(@CurrentPrincipal() principal: Principal): Principal {
    return principal;
  }
}

@Catch(ProblemError)
class StatusFilter implements ExceptionFilter {
  catch(error: ProblemError, host: ArgumentsHost): void {
    const { code, detail, extras } = error;
    const response = host.switchToHttp().getResponse<Response>();
    response
      .set(extras.headers ?? {})
      .status(PROBLEMS[code].status)
      .json({ code, detail });
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: unknown;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** The address to call from; every 127.x.y.z is this machine. */
  readonly from?: string;
  /** Say that a body comes, and never send it. */
  readonly withholdsBody?: boolean;
}

/** A small application with the real guard in front, on a real port. */
export class SampleApp {
  private constructor(private readonly app: INestApplication) {}

  static async start(env: NodeJS.ProcessEnv, clock: FakeClock, log: KeptLog): Promise<SampleApp> {
    const store = new ReferenceStore(clock, ROOMY);

    @Global()
    @Module({
      providers: [
        { provide: Clock, useValue: clock },
        { provide: TaskStore, useValue: store },
        { provide: DocumentStore, useValue: store.documents },
      ],
      exports: [Clock, TaskStore, DocumentStore],
    })
    class StoreModule {}

    @Module({
      imports: [ConfigModule.forRoot(loadConfig(env)), StoreModule, AuthModule],
      controllers: [SampleController],
      providers: [{ provide: APP_FILTER, useClass: StatusFilter }],
    })
    class SampleModule {}

    const app = await NestFactory.create(SampleModule, {
      logger: log,
      bodyParser: false,
      abortOnError: false,
    });
    await app.listen(0, '127.0.0.1');
    return new SampleApp(app);
  }

  /** A lease id that the application has given out. */
  lease(): string {
    return this.app.get(LeaseIds).make(0);
  }

  async call(path: string, call: Call = {}): Promise<Answer> {
    const { port } = this.app.getHttpServer().address() as AddressInfo;
    const { method = 'GET', headers = {}, from = '127.0.0.1', withholdsBody = false } = call;
    const length = withholdsBody ? { 'content-length': '1000' } : {};
    const sent = request({
      port,
      path,
      method,
      headers: { ...headers, ...length },
      localAddress: from,
      agent: false,
    });
    sent.flushHeaders();
    if (!withholdsBody) sent.end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of answer.setEncoding('utf8')) text += String(chunk);
    sent.destroy();
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: parsed(text) };
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}

function parsed(text: string): unknown {
  return text.startsWith('{') ? JSON.parse(text) : text;
}
