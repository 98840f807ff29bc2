import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication, LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../src/app.module.js';
import { type AppOptions, createApp } from '../../src/app.setup.js';
import { loadConfig } from '../../src/config/config.js';
import { createExpressAdapter } from '../../src/http/express-adapter.js';
import { limitsOf } from '../../src/http/http.module.js';
import { DueSweeper } from '../../src/queue/due-sweeper.js';
import { TaskStore } from '../../src/storage/task-store.js';
import type { DistantStore } from './distant-store.js';
import { FakeClock } from './task.builders.js';

export interface Call {
  /** An object is sent as JSON, text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text, parsed; empty when it is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** The whole service in this process, over real sockets, with a directory of its own and a clock that stands still. */
export interface TestApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly port: number;
  readonly clock: FakeClock;
  /** Lets everything happen that is due by the clock. */
  sweep(): Promise<void>;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  close(): Promise<void>;
}

/** @param env settings besides those that keep the service to itself */
export async function startTestApp(
  env: Readonly<Record<string, string>> = {},
  logger: LoggerService | false = false,
  options: Pick<AppOptions, 'usesShortcuts' | 'extensions'> = {},
): Promise<TestApp> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-app-'));
  const clock = new FakeClock();
  const config = loadConfig({ REDIS_URL: '', HOST: '127.0.0.1', PORT: '0', DATA_DIR: directory, ...env });
  const served = await serve(await createApp(config, { ...options, clock, logger }), clock);
  return {
    ...served,
    async close() {
      await served.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The same around a store of the test's own. */
export async function startAppAround(store: DistantStore): Promise<TestApp> {
  const config = loadConfig({ REDIS_URL: '' });
  const module = await Test.createTestingModule({ imports: [AppModule.forRoot(config)] })
    .overrideProvider(TaskStore)
    .useValue(store)
    .compile();
  const app = module.createNestApplication(createExpressAdapter(limitsOf(config)), {
    logger: false,
    bodyParser: false,
    routeResolutionStrategy: 'specificity',
  });
  return serve(app, store.clock);
}

async function serve(app: INestApplication, clock: FakeClock): Promise<TestApp> {
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    port: Number(new URL(url).port),
    clock,
    sweep: () => app.get(DueSweeper).sweep(),
    call: (method, path, call = {}) => callUrl(url, { method, path, ...call }),
    close: () => app.close(),
  };
}

async function callUrl(url: string, call: Call & { method: string; path: string }): Promise<Answer> {
  const { method, path, body, key } = call;
  const type = body === undefined ? undefined : { 'Content-Type': 'application/json' };
  const headers = { ...type, ...(key !== undefined && { 'X-API-Key': key }), ...call.headers };
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url + path, { method, headers, body: sent });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
