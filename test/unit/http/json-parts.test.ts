import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendJsonParts } from '../../../src/http/raw-reply.js';

describe('a JSON text in parts', () => {
  it.each([1, 8, 9, 300])('arrives whole, of %i parts', async (count) => {
    const parts = Array.from({ length: count }, (_, index) => `${index === 0 ? '[' : ','}"é${index}"`);
    const server = createServer((_, response) => {
      sendJsonParts(
        response,
        [...parts, ']'].map((part) => Buffer.from(part)),
      );
    }).listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(await answer.json()).toEqual(Array.from({ length: count }, (_, index) => `é${index}`));
      expect(answer.headers.get('content-length')).toMatch(/^\d+$/);
    } finally {
      server.close();
    }
  });
});
