import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { until } from '../../support/until.js';

/** Answers every byte with the same byte, and keeps what it was sent. */
class EchoServer {
  received = '';
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        this.received += chunk.toString();
        socket.write(chunk);
      });
    });
  }

  static async start(): Promise<EchoServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new EchoServer(server);
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}

/** A client that keeps what it is sent, and why its connection ended. */
class Client {
  received = '';
  error = '';
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => (this.received += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code ?? ''));
    socket.on('close', () => (this.isClosed = true));
  }

  async hears(text: string): Promise<void> {
    await until(() => this.received === text);
  }

  async isReset(): Promise<void> {
    await until(() => this.isClosed);
    expect(this.error).toBe('ECONNRESET');
  }
}

describe('TcpProxy', () => {
  let echo: EchoServer;
  let proxy: TcpProxy;

  beforeEach(async () => {
    echo = await EchoServer.start();
    proxy = await TcpProxy.to(echo.port);
  });

  afterEach(async () => {
    await proxy.close();
    await echo.close();
  });

  async function connected(): Promise<Client> {
    const client = new Client(connect(proxy.port, '127.0.0.1'));
    await once(client.socket, 'connect');
    return client;
  }

  /** A client whose connection has carried something. */
  async function proven(): Promise<Client> {
    const client = await connected();
    client.socket.write('a');
    await client.hears('a');
    return client;
  }

  it('passes both ways, and tells one side when the other hangs up', async () => {
    const client = await proven();
    expect(echo.received).toBe('a');
    expect(proxy.connections).toBe(1);

    client.socket.end();
    await until(() => proxy.connections === 0);
    await until(() => client.isClosed);
  });

  it('swallows both ways as a black hole, while old and new connections stay open', async () => {
    const old = await proven();
    proxy.blackhole();
    const late = await connected();
    old.socket.write('b');
    late.socket.write('c');

    await until(() => proxy.swallowed === 2);
    expect([old.isClosed, late.isClosed, echo.received]).toEqual([false, false, 'a']);

    await proxy.pass();
    await Promise.all([old.isReset(), late.isReset()]);
    expect([old.received, late.received]).toEqual(['a', '']);
  });

  it('lets requests through and swallows the answers', async () => {
    const client = await proven();
    await proxy.dropReplies();
    client.socket.write('b');
    await until(() => echo.received === 'ab');
    client.socket.write('c');
    await until(() => proxy.swallowed === 2);

    expect([client.received, client.isClosed, echo.received]).toEqual(['a', false, 'abc']);
  });

  it('resets what is open and refuses what is new when it is cut, and is back on the same port', async () => {
    const client = await proven();
    await proxy.cut();
    await client.isReset();
    const refused = new Client(connect(proxy.port, '127.0.0.1'));
    await until(() => refused.isClosed);
    expect(refused.error).toBe('ECONNREFUSED');

    await proxy.pass();
    await proven();
  });

  it('keeps connections that lost nothing when it passes again', async () => {
    const client = await proven();
    proxy.blackhole();
    await proxy.pass();
    client.socket.write('b');
    await client.hears('ab');
  });
});
