import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePort } from './free-port.js';

export type NetworkMode = 'pass' | 'hang' | 'cut';

export interface FalseAnswer {
  readonly path: string;
  readonly status: number;
  /** JSON, or text as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An HTTP proxy on 127.0.0.1 with faults that hit certain requests. Whoever opens it closes it. */
export class FaultProxy {
  /** `hang`: requests are swallowed. `cut`: their connections are broken. Those under way share the fate. */
  private mode: NetworkMode = 'pass';
  /** How many of the next requests are answered 503. */
  refusals = 0;
  /** The answer to the next request whose path ends so is lost. */
  lossAt: string | undefined;
  /** What the next requests whose paths end so are answered, instead of reaching the service. */
  answers: FalseAnswer[] = [];
  private readonly open = new Set<ServerResponse>();
  /** Answers to paths that end so are held back. */
  private heldPath: string | undefined;
  private held: (() => void)[] = [];
  /** Connections that were opened since this was set. */
  connections = 0;

  private constructor(
    private readonly target: number,
    private readonly server: Server,
    readonly port: number,
  ) {
    server.on('connection', () => (this.connections += 1));
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      this.open.add(response);
      response.once('close', () => this.open.delete(response));
      this.carry(incoming, response);
    });
  }

  static async to(target: number): Promise<FaultProxy> {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(target, server, port);
  }

  set network(mode: NetworkMode) {
    this.mode = mode;
    // What was swallowed is never answered any more: a connection does not go on after a gap.
    if (mode !== 'hang') for (const response of this.open) if (!response.headersSent) response.destroy();
  }

  /** Carries out requests whose paths end so, and holds their answers back; undefined lets them go. */
  holdAnswers(path: string | undefined): void {
    this.heldPath = path;
    if (path !== undefined) return;
    for (const letGo of this.held) letGo();
    this.held = [];
  }

  /** Closes the connections without a request, as servers do after a while. */
  closeIdle(): void {
    this.server.closeIdleConnections();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private carry(incoming: IncomingMessage, response: ServerResponse): void {
    if (this.mode === 'hang') return;
    if (this.mode === 'cut') {
      response.destroy();
      return;
    }
    if (this.refusals > 0) {
      this.refusals -= 1;
      incoming.resume();
      const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '0' };
      const problem = { code: 'store_unavailable', status: 503, applied: false, detail: 'The proxy refuses' };
      response.writeHead(503, headers).end(JSON.stringify(problem));
      return;
    }
    const at = this.answers.findIndex(({ path }) => (incoming.url ?? '').endsWith(path));
    const [answer] = at < 0 ? [] : this.answers.splice(at, 1);
    if (answer !== undefined) {
      incoming.resume();
      const { status, body, headers } = answer;
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
      return;
    }
    const { lossAt } = this;
    const isLost = lossAt !== undefined && (incoming.url ?? '').endsWith(lossAt);
    if (isLost) this.lossAt = undefined;
    this.forward(incoming, response, isLost);
  }

  private forward(incoming: IncomingMessage, response: ServerResponse, isLost: boolean): void {
    const { method, url, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: this.target, method, path: url, headers });
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', () => response.destroy());
      answer.on('end', () => {
        const give = (): unknown =>
          response.writeHead(answer.statusCode ?? 500, answer.headers).end(Buffer.concat(chunks));
        if (isLost) response.destroy();
        else if (this.heldPath !== undefined && url?.endsWith(this.heldPath) === true) this.held.push(give);
        else if (this.mode !== 'hang') give();
      });
    });
    // A poll whose client is gone is given up at the service, too; in a silent network nobody learns of it.
    response.once('close', () => {
      if (this.mode !== 'hang') onward.destroy();
    });
    incoming.pipe(onward);
  }
}
