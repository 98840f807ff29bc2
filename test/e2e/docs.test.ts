import { request as httpRequest } from 'node:http';
import { readFileSync } from 'node:fs';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Express } from 'express';
import { parse } from 'yaml';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { bodyOf, examplesOf, type FoundOperation, operationsOf } from '../unit/docs/document.reader.js';

const KEY = 'the-only-key';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

describe('the documentation', () => {
  let service: TestApp;
  let document: OpenAPIObject;
  let operations: readonly FoundOperation[];

  beforeAll(async () => {
    service = await startTestApp({ API_KEY: KEY });
    document = JSON.parse((await service.call('GET', '/openapi.json')).text) as OpenAPIObject;
    operations = operationsOf(document);
  });
  afterAll(() => service.close());

  /** A path as it is, without the repairs of fetch. */
  function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: service.port, path, headers, method }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      })
        .on('error', reject)
        .end();
    });
  }

  /** What Express has registered, as the document writes it. The pages of the dashboard are for people. */
  function routes(): string[] {
    const express = service.app.getHttpAdapter().getInstance() as Express;
    return express.router.stack.flatMap(({ route }) =>
      Object.keys((route as { methods?: object } | undefined)?.methods ?? {})
        // Stands in for HEAD where a GET changes something.
        .filter((method) => method !== 'head' && !String(route?.path).startsWith('/dashboard'))
        .map((method) => `${method.toUpperCase()} ${String(route?.path).replace(/:(\w+)/g, '{$1}')}`),
    );
  }

  it('documents every route, and none that is not there', () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([...new Set(routes())].sort());
  });

  it('says of every operation what it is, who may call it and what it answers', () => {
    const tags = (document.tags ?? []).map(({ name }) => name);
    for (const operation of operations) {
      expect(operation).toMatchObject({
        operationId: expect.stringMatching(/^[a-z][A-Za-z]+$/),
        summary: expect.stringMatching(/^[A-Z].{5,70}[^.]$/),
        description: expect.stringMatching(/Needs (no key|a key with the role .*`admin`)/),
        tags: [expect.stringMatching(new RegExp(`^(${tags.join('|')})$`))],
        security: expect.any(Array),
      });
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['200', '431', '500']));
    }
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(document.tags?.every(({ description }) => description !== undefined)).toBe(true);
  });

  it('asks for a key exactly where the service does', async () => {
    for (const { name, method, path, security = [] } of operations) {
      const { status } = await get(path.replace(/\{\w+\}/g, 'x'), {}, method);
      expect({ name, refused: status === 401 }).toEqual({ name, refused: security.length > 0 });
    }
  });

  it('takes a lease where a lease will do', () => {
    const byLease = operations.filter(({ security }) => security?.some((one) => 'Lease' in one));
    expect(byLease.map(({ name }) => name).sort()).toEqual([
      ...['complete', 'fail', 'heartbeat', 'log', 'release'].map((verb) => `POST /tasks/{eval_id}/${verb}`),
      'PUT /tasks/{eval_id}/artifacts/{name}',
    ]);
  });

  it('is OpenAPI 3.1 of this version, without the name of a host', async () => {
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }] });
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(document.info.version).toBe(manifest.version);
    const { text } = await get('/openapi.json', { Host: 'evil.example' });
    expect(text).not.toContain('evil.example');
    expect(text).not.toContain('"nullable"');
    expect(text).not.toContain('127.0.0.1');
  });

  it('is committed as it is served', async () => {
    expect((await get('/openapi.json')).text).toBe(readFileSync('docs/openapi.json', 'utf8'));
  });

  it('is the same as YAML', async () => {
    const { headers, text } = await get('/openapi.yaml');
    expect(headers).toMatchObject({
      'content-type': 'application/yaml',
      'x-content-type-options': 'nosniff',
    });
    expect(parse(text)).toEqual(document);
  });

  it('is not sent again to whoever has it', async () => {
    const { headers } = await get('/openapi.json');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await get('/openapi.json', { 'If-None-Match': `"x", W/${String(headers.etag)}` });
    expect(again).toMatchObject({ status: 304, text: '' });
  });

  it('takes each body that it shows', async () => {
    for (const operation of operations) {
      const { name, method, path } = operation;
      // Any bytes are an artifact, or a part of a log.
      const types = Object.keys(bodyOf(operation)).filter(
        (type) => type !== 'application/octet-stream' && type !== 'text/plain',
      );
      for (const type of types) {
        const examples = Object.values(examplesOf(bodyOf(operation), type));
        expect({ name, type, count: examples.length > 0 }).toEqual({ name, type, count: true });
        for (const body of examples) {
          const sent = { body: withoutWait(body), key: KEY, headers: { 'Content-Type': type } };
          const { status } = await service.call(method, path.replace(/\{\w+\}/g, 'nobody'), sent);
          // Understood, whatever becomes of it.
          expect({ name, status: [200, 201, 404, 409].includes(status) }).toEqual({ name, status: true });
        }
      }
    }
  });

  it.each(['/docs', '/docs/start.js', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js'])(
    'serves %s to whatever name it is called by',
    async (path) => {
      const answer = await get(path, { Host: 'evil.example' });
      expect(answer.status).toBe(200);
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.text).not.toContain('evil.example');
      expect(await get(path, {}, 'HEAD')).toMatchObject({ status: 200, text: '' });
    },
  );

  it('serves a page that fetches nothing from elsewhere, and may not', async () => {
    const { headers, text } = await get('/docs');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(policy).not.toMatch(/upgrade-insecure-requests|https?:|script-src[^;]*unsafe/);
    const addresses = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address ?? '');
    expect(addresses.length).toBeGreaterThan(4);
    for (const address of addresses) expect((await get(address)).status).toBe(200);
    expect(text).not.toMatch(/<script>|<script[^>]*>[^<]|https?:|\/\/[a-z]/);
  });

  it('says clearly that ReDoc comes with the build', async () => {
    for (const path of ['/redoc', '/redoc/redoc.standalone.js']) {
      expect(await get(path)).toMatchObject({ status: 404, text: expect.stringContaining('npm run build') });
    }
  });

  it.each([
    '/docs/',
    '/docs/package.json',
    '/docs/swagger-ui.css.map',
    '/docs/index.html',
    '/docs/../package.json',
    '/docs/..%2fpackage.json',
    '/docs/..%5c..%5cpackage.json',
    '/docs/%2e%2e/package.json',
    '/docs/%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    '/docs/<script>',
    '/docs/start.js%00.css',
    '/docs/__proto__',
    '/DOCS',
    '/redoc/',
    '/redoc/LICENSE',
    '/openapi.json/',
    '/openapi.yml',
  ])('has nothing at %s, and does not repeat it', async (path) => {
    for (const [accept, type] of [
      ['text/html', 'text/html; charset=utf-8'],
      ['*/*', 'application/problem+json'],
    ] as const) {
      const answer = await get(path, { Accept: accept });
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toBe(type);
      expect(answer.text).not.toMatch(/script|package\.json|alert|__proto__/);
    }
  });

  it.each(['/docs', '/redoc', '/openapi.json', '/openapi.yaml'])('takes no POST at %s', async (path) => {
    expect(await get(path, {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });
});

/** Nothing will become ready. */
function withoutWait(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'wait' in body ? { ...body, wait: 0 } : body;
}
