import type { IncomingMessage } from 'node:http';
import { enterUnderPrefix, publicPage, publicPath } from '../../../src/http/public-path.js';

function request(url: string, forwarded?: string): IncomingMessage {
  return { url, headers: { 'x-forwarded-prefix': forwarded } } as unknown as IncomingMessage;
}

describe('enterUnderPrefix', () => {
  it.each([
    ['/queue/tasks/x?wait=1', '/tasks/x?wait=1'],
    ['/queue/', '/'],
    ['/queue', '/'],
    ['/queue?x=1', '/?x=1'],
    ['/tasks/x', '/tasks/x'],
    ['/queues', '/queues'],
    ['/queue/queue/x', '/queue/x'],
    ['/Queue/tasks', '/Queue/tasks'],
  ])('makes the path of the API of %s: %s', (url, inner) => {
    const asked = request(url, '/other');
    enterUnderPrefix(asked, { basePath: '/queue', trustsProxy: false });
    expect(asked.url).toBe(inner);
    expect(publicPath(asked, '/tasks')).toBe('/queue/tasks');
  });

  it.each([
    ['/tasks', '/a/b', '/a/b'],
    ['/tasks', '/a/', '/a'],
    ['/tasks', '/', ''],
    ['/queue/tasks', '/outer', '/outer/queue'],
    ['/tasks', undefined, '/queue'],
  ])('puts before the addresses of %s what a proxy removed: %s', (url, forwarded, prefix) => {
    const asked = request(url, forwarded);
    enterUnderPrefix(asked, { basePath: '/queue', trustsProxy: true });
    expect(publicPath(asked, '/tasks')).toBe(`${prefix}/tasks`);
  });

  it.each([
    '//evil.example',
    'https://evil.example',
    '/a//b',
    '/a/../b',
    '/..',
    'queue',
    '/a b',
    '/a"onload="x',
    '/a<script>',
    '/a\\b',
    '/a,/b',
    '/%2e%2e',
    `/${'a'.repeat(200)}`,
  ])('ignores %j as a prefix', (forwarded) => {
    const asked = request('/tasks', forwarded);
    enterUnderPrefix(asked, { basePath: '', trustsProxy: true });
    expect(publicPath(asked, '/tasks')).toBe('/tasks');
  });
});

describe('publicPage', () => {
  it('changes the addresses of this service, and no other', () => {
    const asked = request('/queue/dashboard');
    enterUnderPrefix(asked, { basePath: '/queue', trustsProxy: false });
    const page =
      '<a href="/x" title="/x"> href=&quot;/x <a href="#x"></a><a href="https://a/b"></a><a href="//a/b">';
    expect(publicPage(asked, page)).toBe(page.replace('<a href="/x"', '<a href="/queue/x"'));
  });
});
