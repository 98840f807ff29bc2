import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { startTracing } from '../../src/tracing/active-tracing.js';
import type { Tracing } from '../../src/tracing/tracing.js';
import { RedisServer } from '../support/redis-server.js';
import { settingsAt } from '../support/store-surroundings.js';
import { ServiceProcess } from '../support/service-process.js';
import { startTestApp } from '../support/test-app.js';

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

/** Takes OTLP over HTTP, in JSON. */
class TraceReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: { readonly path?: string; readonly key: unknown; readonly body: string }[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<TraceReceiver> {
    const server = createServer();
    const receiver = new TraceReceiver(server);
    server.on('request', (request, response) => {
      void receiver.take(request).then(() => response.end('{}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  named(name: string): ReceivedSpan {
    const found = this.spans.filter((span) => span.name === name);
    if (found.length !== 1 || found[0] === undefined)
      throw new Error(`${found.length} spans have the name ${name}: ${this.spans.map((span) => span.name)}`);
    return found[0];
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage): Promise<void> {
    const body = (await json(request)) as {
      resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[];
    };
    this.requests.push({
      path: request.url,
      key: request.headers['x-receiver-key'],
      body: JSON.stringify(body),
    });
    for (const { scopeSpans } of body.resourceSpans)
      for (const { spans } of scopeSpans) this.spans.push(...spans);
  }
}

const PRODUCER = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const WORKER = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) };
const traceparent = (flags: string, { traceId, spanId } = PRODUCER) => ({
  traceparent: `00-${traceId}-${spanId}-${flags}`,
});

function attribute(span: ReceivedSpan, key: string): unknown {
  const value = span.attributes.find((entry) => entry.key === key)?.value;
  return value === undefined ? undefined : Object.values(value)[0];
}

/** Starts tracing in this process; the SDK reads its settings from the environment. */
async function startedWith(env: Readonly<Record<string, string>>): Promise<Tracing | undefined> {
  Object.assign(process.env, env);
  try {
    return await startTracing(process.env);
  } finally {
    for (const name of Object.keys(env)) Reflect.deleteProperty(process.env, name);
  }
}

describe('tracing', () => {
  let receiver: TraceReceiver;

  beforeEach(async () => {
    receiver = await TraceReceiver.start();
  });

  afterEach(() => receiver.stop());

  it('leads from the producer through the queue to the worker, in a process with the preload', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-traces-'));
    const service = await ServiceProcess.start({
      DATA_DIR: directory,
      NODE_OPTIONS: '--import ./dist/tracing.js',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-receiver-key=of%20the%20receiver',
      OTEL_SERVICE_NAME: 'my-queue',
    });
    const post = (path: string, body: object, headers: object) =>
      fetch(service.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    await post('/tasks', { eval_id: 'one', code: 'marker-of-code' }, traceparent('01'));
    const claimed = await fetch(`${service.url}/tasks/next?worker_id=w1`, {
      headers: traceparent('01', WORKER),
    });
    const task = (await claimed.json()) as { lease_id: string; traceparent: string };
    await post('/tasks/one/complete', { lease_id: task.lease_id, output: 'marker-of-output' }, {});
    service.signal('SIGTERM');
    expect(await service.exited).toBe(0);
    await rm(directory, { recursive: true });

    expect(task.traceparent).toBe(traceparent('01').traceparent);
    const request = receiver.named('POST /tasks');
    expect(request).toMatchObject({ kind: 2, traceId: PRODUCER.traceId, parentSpanId: PRODUCER.spanId });
    expect(attribute(request, 'http.response.status_code')).toBe(201);
    expect(receiver.named('enqueue default')).toMatchObject({
      kind: 4,
      traceId: PRODUCER.traceId,
      parentSpanId: request.spanId,
      links: [],
    });
    const receive = receiver.named('claim default');
    expect(receive).toMatchObject({ kind: 5, traceId: WORKER.traceId, links: [PRODUCER] });
    expect(receive.parentSpanId).toBe(receiver.named('GET /tasks/next').spanId);
    expect(attribute(receive, 'messaging.message.id')).toBe('one');
    expect(attribute(receive, 'messaging.operation.type')).toBe('receive');
    const settle = receiver.named('completed default');
    expect(settle).toMatchObject({ kind: 1, links: [PRODUCER] });
    expect(settle.parentSpanId).toBe(receiver.named('POST /tasks/:eval_id/complete').spanId);
    for (const span of receiver.spans)
      expect(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano)).toBe(true);

    expect(receiver.requests[0]).toMatchObject({ path: '/v1/traces', key: 'of the receiver' });
    const text = receiver.requests.map(({ body }) => body).join('');
    expect(text).toContain('my-queue');
    for (const secret of ['marker-of', task.lease_id, 'worker_id']) expect(text).not.toContain(secret);
  });

  it('has a span for each command to Redis that a request leads to', async () => {
    const redis = await RedisServer.start();
    const tracing = await startedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    const service = await startTestApp(settingsAt(redis));
    await service.call('POST', '/tasks', {
      body: { eval_id: 'one', code: 'marker-of-code' },
      headers: traceparent('01'),
    });
    await service.close();
    await tracing?.stop();
    await redis.stop();
    const request = receiver.named('POST /tasks');
    const commands = receiver.spans.filter((span) => attribute(span, 'db.system.name') === 'redis');
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.filter((span) => span.kind !== 3 || span.traceId !== request.traceId)).toEqual([]);
    expect(JSON.stringify(receiver.requests)).not.toContain('marker-of-code');
  });

  it('keeps nothing of a trace that its caller does not keep, and a share of those that begin here', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_SAMPLER: 'parentbased_always_off' };
    const tracing = await startedWith(env);
    const service = await startTestApp();
    await service.call('GET', '/livez');
    await service.call('GET', '/status', { headers: traceparent('00') });
    await service.call('GET', '/status', { headers: traceparent('01') });
    await service.close();
    await tracing?.stop();
    expect(receiver.spans.map(({ name }) => name)).toEqual(['GET /status']);
  });

  it('does nothing when no collector is named', async () => {
    expect(await startedWith({})).toBeUndefined();
    expect(await startedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined();
    const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SDK_DISABLED: 'true' };
    expect(await startedWith(disabled)).toBeUndefined();
  });

  it('ends in time when the collector does not answer', async () => {
    const deaf = createServer();
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const tracing = await startedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    const service = await startTestApp();
    await service.call('GET', '/livez');
    await service.close();
    await tracing?.stop(50);
    expect(tracing).toBeDefined();
    deaf.closeAllConnections();
    await new Promise((resolve) => deaf.close(resolve));
  });
});
