import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebhookSender } from '../../../src/webhooks/webhook-sender.js';

/** What a signal keeps for others: listeners, and the signals that depend on it. */
function keptBy(signal: AbortSignal): number {
  const kept = Object.getOwnPropertySymbols(signal).map(
    (symbol) => (signal as unknown as Readonly<Record<symbol, unknown>>)[symbol],
  );
  // Sets and maps of Node's own realm, which are no instances of those of a test.
  return kept.reduce<number>((sum, each) => sum + (hasSize(each) ? each.size : 0), 0);
}

function hasSize(value: unknown): value is { readonly size: number } {
  return typeof value === 'object' && value !== null && 'size' in value && typeof value.size === 'number';
}

describe('a sender of webhooks', () => {
  it('leaves nothing at a signal that lives as long as the process', async () => {
    const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const sender = new WebhookSender({ timeoutMs: 10_000, mayBePrivate: true });
    const { signal } = new AbortController();
    const before = keptBy(signal);
    for (let time = 0; time < 5; time += 1)
      expect(await sender.post({ url, headers: {}, body: '{}' }, signal)).toMatchObject({ status: 200 });
    expect(keptBy(signal) - before).toBe(0);
    server.close();
  });

  it('gives the beginning of the answer, whatever becomes of the rest', async () => {
    const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
      '/empty': (response) => response.end(),
      '/short': (response) => response.writeHead(503).end('maintenance until 6\n'),
      '/long': (response) => response.end(`${'x'.repeat(1_023)}é and so on`),
      '/endless': (response) => response.write('y'.repeat(5_000)),
      '/broken': (response) => response.write('half', () => response.destroy()),
      '/binary': (response) => response.end(Buffer.from([0xff, 0x00, 0x41])),
    };
    const server = createServer(({ url = '' }, response) => answers[url]?.(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const sender = new WebhookSender({ timeoutMs: 10_000, mayBePrivate: true });
    const { signal } = new AbortController();
    const textAt = async (path: string) =>
      (await sender.post({ url: origin + path, headers: {}, body: '{}' }, signal)).text;
    expect(await Promise.all(Object.keys(answers).map(textAt))).toEqual([
      undefined,
      'maintenance until 6\n',
      'x'.repeat(1_023),
      'y'.repeat(1_024),
      'half',
      '\ufffd\u0000A',
    ]);
    server.closeAllConnections();
    server.close();
  });

  it('says that no answer came in time, and that the service stopped', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const posting = { url, headers: {}, body: '{}' };
    const hasty = new WebhookSender({ timeoutMs: 20, mayBePrivate: true });
    expect(await hasty.post(posting, new AbortController().signal)).toEqual({
      error: 'No answer within 20 ms',
    });
    const patient = new WebhookSender({ timeoutMs: 60_000, mayBePrivate: true });
    const stop = new AbortController();
    server.once('request', () => stop.abort());
    expect(await patient.post(posting, stop.signal)).toEqual({ error: 'The service stopped' });
    expect(await patient.post(posting, stop.signal)).toEqual({ error: 'The service stopped' });
    server.closeAllConnections();
    server.close();
  });
});
