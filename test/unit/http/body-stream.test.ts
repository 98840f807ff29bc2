import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { bodyChunks } from '../../../src/http/body-stream.js';
import { createExpressAdapter } from '../../../src/http/express-adapter.js';
import { HttpLimits } from '../../../src/http/http-limits.js';
import { problemOf } from '../../../src/http/problem.filter.js';
import { sendProblem } from '../../../src/http/problem-writer.js';

/** Far shorter than an upload takes here. */
const REQUEST_MS = 50;

describe('a streamed body', () => {
  let server: Server;
  let longestPauseMs: number | undefined;
  let read: number;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.headers.expect !== undefined) response.writeContinue();
      for await (const chunk of bodyChunks(request, longestPauseMs)) read += chunk.length;
      response.end('all of it');
    } catch (error) {
      sendProblem(request, response, problemOf(error));
    }
  }

  beforeEach(async () => {
    longestPauseMs = undefined;
    read = 0;
    const timeouts = { request: REQUEST_MS, headers: REQUEST_MS, checkInterval: 10 };
    const adapter = createExpressAdapter(new HttpLimits({ maxBodyBytes: 10 }), timeouts);
    adapter.put('/', (request: IncomingMessage, response: ServerResponse) => void receive(request, response));
    adapter.initHttpServer({});
    server = adapter.getHttpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function begin(...headers: readonly string[]): Socket {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(['PUT / HTTP/1.1', 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n'));
    return socket;
  }

  it('can take longer than a request, and be larger than one', async () => {
    const socket = begin('Content-Length: 100000', 'Expect: 100-continue');
    const timeOut = once(server, 'clientError');
    await once(socket, 'data');
    socket.write('x'.repeat(50_000));
    expect(await timeOut).toMatchObject([{ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, {}]);
    socket.write('x'.repeat(50_000));
    expect(await textOf(socket)).toContain('all of it');
    expect(read).toBe(100_000);
  });

  it('ends with 408 when the client pauses', async () => {
    longestPauseMs = 20;
    const socket = begin('Transfer-Encoding: chunked');
    socket.write('1\r\nx\r\n');
    const answer = await textOf(socket);
    expect(answer).toContain('HTTP/1.1 408 ');
    expect(answer).toContain('The body paused for 0.02 s');
  });

  it('can be empty', async () => {
    expect(await textOf(begin('Content-Length: 0'))).toContain('all of it');
    expect(read).toBe(0);
  });
});
