import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type MiddlewareConsumer,
  Module,
  type NestInterceptor,
  type NestModule,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { Observable } from 'rxjs';
import { type FastExpressAdapter } from '../../src/http/express-adapter.js';
import { filled, type HostileEntry, requestBytes } from '../support/hostile-request.js';
import { HOSTILE_KEYS, quickEntries, valuesOf, writeHostileKeys } from '../support/hostile-target.js';
import { exchange } from '../support/raw-exchange.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** The same service twice: one with the table and the hot routes, one with the ways of Express and Nest alone. */
let apps: readonly [short: TestApp, long: TestApp];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-routes-'));
  writeHostileKeys(join(directory, 'keys.json'));
  const settings = { API_KEYS_FILE: join(directory, 'keys.json') };
  apps = [await startTestApp(settings), await startTestApp(settings, false, { usesShortcuts: false })];
  for (const app of apps) {
    const body = { eval_id: 'existing-1', code: 'x' };
    await app.call('POST', '/tasks', { body, key: HOSTILE_KEYS.producer });
  }
});

afterAll(async () => {
  for (const app of apps) await app.close();
  await rm(directory, { recursive: true, force: true });
});

function adapterOf({ app }: TestApp): FastExpressAdapter {
  return app.getHttpAdapter() as unknown as FastExpressAdapter;
}

/** Without what differs between two answers to one request: the date, ids that are counted, and random ones. */
function comparable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text
    .replace(/^Content-Length: .*$/gm, (line) => (text.includes('"uptime"') ? 'Content-Length' : line))
    .replace(/^(Date|X-Request-Id): .*$/gim, '$1')
    .replace(/"(lease_id|batch_id|schedule_id)":"[^"]*"/g, '"$1"')
    .replace(/"uptime":[\d.]+/g, '"uptime"');
}

/** Whether a shortcut may answer: for anything else both are the same code. What is no proper request gets no further than Node. */
function takesShortcut(entry: HostileEntry, index: number): boolean {
  if (entry.raw !== undefined || entry.rawBase64 !== undefined) return false;
  const path = filled(entry.path ?? '/', valuesOf(index));
  return path.includes('tasks') || adapterOf(apps[0]).routes?.find(entry.method, path) !== undefined;
}

describe('the shortcuts of requests', () => {
  it('have every hot route in the table', () => {
    const hot = [
      'POST /tasks',
      'GET /tasks/next?wait=1',
      'POST /tasks/claim',
      'GET /tasks/a',
      'POST /tasks/batch',
    ];
    const held = ['heartbeat', 'complete', 'fail', 'release'].map((what) => `POST /tasks/a/${what}`);
    const found = [...hot, ...held].map((line) => {
      const [method = '', target = ''] = line.split(' ');
      return adapterOf(apps[0]).routes?.find(method, target)?.route.path;
    });
    expect(found).toEqual([
      '/tasks',
      '/tasks/next',
      '/tasks/claim',
      '/tasks/:eval_id',
      '/tasks/batch',
      ...['heartbeat', 'complete', 'fail', 'release'].map((what) => `/tasks/:eval_id/${what}`),
    ]);
  });

  it('answer hostile requests as Express and Nest do, byte for byte', async () => {
    const different: string[] = [];
    let compared = 0;
    for (const [index, entry] of quickEntries.entries()) {
      if (!takesShortcut(entry, index)) continue;
      compared += 1;
      const bytes = requestBytes(entry, valuesOf(index));
      const [short, long] = await Promise.all(
        apps.map(async ({ port }) => comparable((await exchange(port, bytes)).bytes)),
      );
      if (short !== long) different.push(`${entry.id}:\n${short}\n${long}`);
    }
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(300);
  });

  it('call every hot method without the pipeline of Nest', () => {
    expect(adapterOf(apps[0]).hotRoutes?.taken.toSorted()).toEqual(HOT_METHODS);
    expect(adapterOf(apps[1]).hotRoutes).toBeUndefined();
  });

  it('answer ordinary traffic as Express and Nest do, byte for byte', async () => {
    const [short, long] = await Promise.all(apps.map(workday));
    expect(short).toEqual(long);
    expect(short?.map((answer) => answer.slice(9, 12)).join(' ')).toBe(
      '201 200 409 401 403 422 400 403 404 404 415 200 200 200 200 409 200 200 404 415 ' +
        '200 200 200 200 200 200 200 422 403 405 204 405',
    );
  });
});

const HOT_METHODS = [
  'BulkController.enqueue',
  'BulkController.finish',
  'BulkController.heartbeat',
  'TasksController.create',
  ...['claim', 'complete', 'fail', 'heartbeat', 'next', 'release'].map((name) => `WorkController.${name}`),
];

/** What producers and workers ask in the order of a task's life, and mistakes among it; the answers. */
async function workday({ port }: TestApp): Promise<string[]> {
  const answers: string[] = [];
  const leases: string[] = [];
  const ask = async (
    line: string,
    key: string | undefined,
    given?: object | string,
    extra: string[] = [],
  ) => {
    const body = typeof given === 'object' ? JSON.stringify(given) : given;
    const type =
      body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`];
    const keys = key === undefined ? [] : [`X-API-Key: ${key}`];
    const head = [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...keys, ...type, ...extra, '', body];
    const { bytes } = await exchange(port, Buffer.from(head.join('\r\n')));
    leases.push(...Array.from(bytes.toString().matchAll(/"lease_id":"([^"]+)"/g), ([, id = '']) => id));
    answers.push(comparable(bytes));
  };
  const { producer, worker } = HOSTILE_KEYS;
  const task = (eval_id: string) => ({ eval_id, code: 'print(1)', metadata: { a: [1] }, queue: 'day' });
  const lease_id = () => leases.at(-1);

  await ask('POST /tasks', producer, task('d1'), ['X-Request-Id: mine', 'traceparent: none']);
  await ask('POST /tasks', producer, task('d1'));
  await ask('POST /tasks', producer, { ...task('d1'), code: 'other' });
  await ask('POST /tasks?x=1', undefined, task('d2'));
  await ask('POST /tasks', worker, task('d2'));
  await ask('POST /tasks', producer, { eval_id: 'd 2', priority: 'high' });
  await ask('POST /tasks', producer, '{"eval_id":');
  await ask('POST /tasks', producer, task('d2'), ['Origin: https://evil.example']);
  await ask('POST /tasks/', producer, task('d2'));
  await ask('POST /%74asks', producer, task('d2'));
  await ask('POST /tasks', producer, task('d3'), ['Content-Encoding: gzip']);
  await ask('POST /tasks/batch', producer, { batch_id: 'day-1', tasks: ['d4', 'd5', 'd6'].map(task) });
  await ask('GET /tasks/next?queue=day&worker_id=w', worker);
  await ask(`POST /tasks/d1/heartbeat`, worker, { lease_id: lease_id(), progress: { percent: 5 } });
  await ask(`POST /tasks/d1/heartbeat`, undefined, {}, [`X-Lease-Id: ${lease_id()}`]);
  await ask(`POST /tasks/d1/complete`, worker, { lease_id: 'stale', output: 1 });
  await ask(`POST /tasks/d%31/complete`, worker, { lease_id: lease_id(), output: { b: null } });
  await ask(`POST /tasks/d1/complete`, worker, { lease_id: lease_id(), output: { b: null } });
  await ask('POST /tasks/no:such/complete', worker, { lease_id: lease_id() });
  await ask('POST /tasks/-bad/complete', worker, { lease_id: lease_id() }, ['Content-Encoding: gzip']);
  await ask('GET /tasks/next?queue=day&worker_id=w', worker);
  await ask(`POST /tasks/d4/fail`, worker, { lease_id: lease_id(), error: 'no', retryable: false });
  await ask('POST /tasks/claim', worker, { queues: ['day'], max_tasks: 2, worker_id: 'w' });
  await ask('POST /tasks/heartbeat', worker, {
    worker_id: 'w',
    leases: [{ eval_id: 'd6', lease_id: lease_id() }],
  });
  await ask('POST /tasks/d6/release', worker, { lease_id: lease_id(), delay: 60 });
  const results = [{ eval_id: 'd5', lease_id: leases.at(-2), status: 'completed' }];
  await ask('POST /tasks/complete', worker, { results, claim: { queues: ['day'], worker_id: 'w' } });
  await ask('GET /tasks/next?queue=nothing', worker);
  await ask('GET /tasks/next?wait=-1', worker);
  await ask('GET /tasks/next', producer);
  await ask('HEAD /tasks/next', worker);
  await ask('OPTIONS /tasks', worker);
  await ask('PUT /tasks/claim', worker, {});
  return answers;
}

describe('an extension', () => {
  it.each([
    ['a global interceptor', 'interceptor', 0],
    ['a global guard', 'guard', 0],
    ['a middleware', 'middleware', HOT_METHODS.length],
  ])('with %s sees the requests of hot routes', async (_, kind, taken) => {
    seen.length = 0;
    const lines: unknown[] = [];
    const note = (line: unknown) => void lines.push(line);
    const logger = { log: note, warn: note, error: note };
    const extensions = [EXTENSIONS[kind as keyof typeof EXTENSIONS]];
    const service = await startTestApp({}, logger, { extensions });
    try {
      const task = { eval_id: 'a', code: 'x' };
      expect((await service.call('POST', '/tasks', { body: task })).status).toBe(201);
      expect((await service.call('GET', '/tasks/next')).body).toMatchObject({ eval_id: 'a' });
      expect(seen).toEqual(['/tasks', '/tasks/next']);
      expect(adapterOf(service).hotRoutes?.taken).toHaveLength(taken);
      const told = lines.filter((line) => String(line).includes('hot routes are slower'));
      expect(told).toHaveLength(taken === 0 ? 1 : 0);
    } finally {
      await service.close();
    }
  });
});

/** The paths that the extension was asked about. */
const seen: string[] = [];

class Watcher implements NestInterceptor, CanActivate {
  canActivate(context: ExecutionContext): boolean {
    seen.push(context.switchToHttp().getRequest<Request>().path);
    return true;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.canActivate(context);
    return next.handle();
  }
}

@Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: Watcher }] })
class InterceptorExtension {}

@Module({ providers: [{ provide: APP_GUARD, useClass: Watcher }] })
class GuardExtension {}

@Module({})
class MiddlewareExtension implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    const watch = ({ originalUrl }: Request, _: Response, next: NextFunction) => {
      seen.push(originalUrl);
      next();
    };
    consumer.apply(watch).forRoutes('*path');
  }
}

const EXTENSIONS = {
  interceptor: InterceptorExtension,
  guard: GuardExtension,
  middleware: MiddlewareExtension,
};
