import { type IncomingMessage } from 'node:http';
import { loadConfig } from '../../../src/config/config.js';
import { isAllowedHost } from '../../../src/http/allowed-hosts.js';

const ALLOWED = loadConfig({ ALLOWED_HOSTS: 'Queue.example,localhost:8081' }).allowedHosts;

function isAllowed(host: string | undefined, url = '/tasks', allowed = ALLOWED): boolean {
  return isAllowedHost({ headers: { host }, url } as IncomingMessage, allowed);
}

describe('isAllowedHost', () => {
  it.each([
    'queue.example',
    'QUEUE.EXAMPLE:80',
    'localhost:8081',
    '127.0.0.1',
    '10.0.0.7:8081',
    '[::1]:8081',
    '[::1]',
  ])('lets %s in', (host) => {
    expect(isAllowed(host)).toBe(true);
  });

  it.each([
    'evil.example',
    'queue.example.evil.example',
    'evilqueue.example',
    'localhost',
    'localhost:80',
    '127.0.0.1.evil.example',
    'queue.example@evil.example',
    'queue.example,evil.example',
    '2130706433',
    '',
    undefined,
  ])('refuses %j', (host) => {
    expect(isAllowed(host)).toBe(false);
  });

  it('lets the probes in by any name, and everything without the setting', () => {
    expect(['/livez', '/readyz', '/health?x=1'].map((url) => isAllowed('evil.example', url))).toEqual([
      true,
      true,
      true,
    ]);
    expect(isAllowed('evil.example', '/livez/..')).toBe(false);
    expect(isAllowed('evil.example', '/tasks', loadConfig({}).allowedHosts)).toBe(true);
  });

  it.each(['a b', 'http://queue.example', '*', 'a,,b', ',', '[::1]', 'a/'])(
    'has the setting refuse %j',
    (text) => {
      expect(() => loadConfig({ ALLOWED_HOSTS: text })).toThrow('ALLOWED_HOSTS');
    },
  );
});
