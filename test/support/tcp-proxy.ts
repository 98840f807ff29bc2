import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * - `pass`: everything goes through.
 * - `blackhole`: connections are taken and stay open; what either side sends is swallowed.
 * - `dropReplies`: what the client sends reaches the server; what the server answers is swallowed.
 * - `trickle`: everything goes through, what the server answers in small pieces.
 * - `cut`: open connections are reset, new ones are refused.
 */
export type ProxyMode = 'pass' | 'blackhole' | 'dropReplies' | 'trickle' | 'cut';

const TRICKLE_MS = 20;

/** A connection through the proxy. */
interface Line {
  readonly client: Socket;
  /** Absent for a connection that was made into a black hole. */
  readonly server?: Socket;
  /** Something was swallowed: no later byte would make sense to its reader. */
  hasGap: boolean;
}

/**
 * A real TCP proxy on 127.0.0.1 in front of a port, with the faults of a network.
 *
 * A TCP connection never continues after a gap; so the connections that lost something are reset by `pass`, and by
 * `dropReplies`. Whoever opens it closes it.
 */
export class TcpProxy {
  /** How many bytes did not arrive. */
  swallowed = 0;
  /** The connection on which a client says this next is reset, and the server never hears it. */
  resetAt: string | undefined;
  private readonly lines = new Set<Line>();
  private current: ProxyMode = 'pass';
  private server: Server;

  private constructor(
    private target: number,
    server: Server,
    readonly port: number,
  ) {
    this.server = server;
    this.take(server);
  }

  /** In front of this port of 127.0.0.1, on a free port of its own. */
  static async to(target: number): Promise<TcpProxy> {
    const server = await listen(0);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
    return new TcpProxy(target, server, address.port);
  }

  get mode(): ProxyMode {
    return this.current;
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.lines.size;
  }

  async pass(): Promise<void> {
    const wasCut = this.current === 'cut';
    this.current = 'pass';
    this.resetLines((line) => line.hasGap);
    if (!wasCut) return;
    this.server = await listen(this.port);
    this.take(this.server);
  }

  blackhole(): void {
    this.current = 'blackhole';
  }

  async dropReplies(): Promise<void> {
    await this.pass();
    this.current = 'dropReplies';
  }

  /** New connections lead to another port of 127.0.0.1; those that are open stay where they are. */
  leadTo(port: number): void {
    this.target = port;
  }

  trickle(): void {
    this.current = 'trickle';
  }

  async cut(): Promise<void> {
    this.current = 'cut';
    await this.close();
  }

  /** Ends every connection and gives the port back. */
  async close(): Promise<void> {
    const closed = this.server.listening ? once(this.server, 'close') : undefined;
    if (closed) this.server.close();
    this.resetLines(() => true);
    await closed;
  }

  private take(server: Server): void {
    server.on('connection', (client) => {
      this.join(client);
    });
  }

  private join(client: Socket): void {
    const server = this.current === 'blackhole' ? undefined : connect(this.target, '127.0.0.1');
    const line: Line = { client, server, hasGap: server === undefined };
    this.lines.add(line);
    for (const end of [client, server]) {
      end?.setNoDelay(true);
      end?.on('error', () => undefined);
      end?.on('close', () => {
        this.drop(line);
      });
    }
    client.on('data', (chunk) => {
      if (this.isFatal(chunk)) this.resetLines((each) => each === line);
      else this.carry(line, chunk, line.server);
    });
    server?.on('data', (chunk) => {
      this.carry(line, chunk, client);
    });
  }

  private carry(line: Line, chunk: Buffer, to: Socket | undefined): void {
    const isSwallowed =
      this.current === 'blackhole' || (this.current === 'dropReplies' && to === line.client);
    if (!isSwallowed && to) {
      if (this.current === 'trickle' && line.server) hold(line.server);
      to.write(chunk);
      return;
    }
    line.hasGap = true;
    this.swallowed += chunk.length;
  }

  private isFatal(chunk: Buffer): boolean {
    const isSaid = this.resetAt !== undefined && chunk.includes(this.resetAt);
    if (isSaid) this.resetAt = undefined;
    return isSaid;
  }

  private drop(line: Line): void {
    if (this.current === 'blackhole' && !line.client.destroyed) {
      // In a black hole nobody learns that the other side has hung up.
      line.hasGap = true;
      return;
    }
    this.lines.delete(line);
    line.client.destroy();
    line.server?.destroy();
  }

  private resetLines(isSelected: (line: Line) => boolean): void {
    for (const line of [...this.lines].filter(isSelected)) {
      this.lines.delete(line);
      line.client.resetAndDestroy();
      line.server?.resetAndDestroy();
    }
  }
}

/** Takes nothing from it for a moment; what has been read already, at most 128 KiB, comes at once after that. */
function hold(socket: Socket): void {
  if (socket.isPaused()) return;
  socket.pause();
  setTimeout(() => socket.resume(), TRICKLE_MS);
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
