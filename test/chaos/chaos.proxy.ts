import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { performance } from 'node:perf_hooks';
import type { Answer, BadAnswer } from './bad-answers.js';

export interface ChaosOptions {
  /** The port of the real service. */
  readonly target: number;
  readonly members: readonly BadAnswer[];
  /** Every so many answers of each kind of call is a bad one; 1 would let nothing through. */
  readonly every: number;
  /** With which member each kind of call begins: proxies that differ cover the list sooner. */
  readonly offset?: number;
}

/** What one worker asked through its proxy. */
export interface Traffic {
  readonly requests: number;
  readonly bad: number;
  /** The most calls in one second that repeated one which had a bad answer. Averaged over ten seconds. */
  readonly repeatsPerSecond: number;
  /** The most connections at a time. */
  readonly connections: number;
  /** Which members each kind of call was answered with. */
  readonly covered: ReadonlySet<string>;
}

const WINDOW_MS = 10_000;
const EMPTY: Answer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{}'),
};

interface Kind {
  count: number;
  bad: number;
  previous: Answer;
}

/**
 * A proxy on 127.0.0.1, before one worker. It replaces answers: every so often, and for each kind of call, by the next
 * member of a list. Whoever opens it closes it.
 */
export class ChaosProxy {
  private readonly kinds = new Map<string, Kind>();
  private readonly failed = new Set<string>();
  private readonly repeats: number[] = [];
  private readonly covered = new Set<string>();
  private readonly agent = new Agent({ keepAlive: true });
  private readonly sockets = new Set<Socket>();
  private requests = 0;
  private bad = 0;
  private mostConnections = 0;
  /** False: every answer is passed on as it is. */
  isActive = true;

  private constructor(
    private readonly server: Server,
    private readonly options: ChaosOptions,
  ) {
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      this.carry(incoming, response).catch(() => response.destroy());
    });
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      this.mostConnections = Math.max(this.mostConnections, this.sockets.size);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async open(options: ChaosOptions): Promise<ChaosProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ChaosProxy(server, options);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get traffic(): Traffic {
    return {
      requests: this.requests,
      bad: this.bad,
      repeatsPerSecond: mostIn(this.repeats, WINDOW_MS) / (WINDOW_MS / 1000),
      connections: this.mostConnections,
      covered: this.covered,
    };
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
    await closed;
  }

  private async carry(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await buffer(incoming);
    const { method = 'GET', url = '/' } = incoming;
    this.requests += 1;
    const call = `${method} ${url} ${content.toString('latin1')}`;
    if (this.failed.delete(call)) this.repeats.push(performance.now());
    const name = kindOf(method, url);
    const kind = this.kinds.get(name) ?? { count: 0, bad: this.options.offset ?? 0, previous: EMPTY };
    this.kinds.set(name, kind);
    kind.count += 1;
    const member = this.isActive && kind.count % this.options.every === 0 ? this.nextMember(kind) : undefined;
    const real = member?.isCarried === false ? EMPTY : await this.ask(incoming, content, response);
    if (member === undefined) response.writeHead(real.status, real.headers).end(real.body);
    else {
      this.bad += 1;
      if (member.isAnswer !== true) this.failed.add(call);
      this.covered.add(`${name}: ${member.name}`);
      member.send(response, real, kind.previous);
    }
    kind.previous = real;
  }

  private nextMember(kind: Kind): BadAnswer | undefined {
    const { members } = this.options;
    kind.bad += 1;
    return members[kind.bad % members.length];
  }

  private async ask(incoming: IncomingMessage, content: Buffer, response: ServerResponse): Promise<Answer> {
    const { method, url, headers } = incoming;
    const { agent } = this;
    const onward = request({
      host: '127.0.0.1',
      port: this.options.target,
      method,
      path: url,
      headers,
      agent,
    });
    // A poll whose client is gone is given up at the service, too.
    response.once('close', () => onward.destroy());
    onward.end(content);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const body = await buffer(answer);
    const given: Record<string, string> = {};
    for (const name of ['content-type', 'retry-after']) {
      const value = answer.headers[name];
      if (typeof value === 'string') given[name] = value;
    }
    return { status: answer.statusCode ?? 500, headers: given, body };
  }
}

/** `POST /tasks/a/complete` and `POST /tasks/b/complete` are one kind of call. */
function kindOf(method: string, url: string): string {
  return `${method} ${url.replace(/\?.*$/, '').replace(/^\/(tasks|workers)\/[^/]+\/(?=[^/]+$)/, '/$1/{id}/')}`;
}

/** The most instants that are within a window. */
function mostIn(instants: readonly number[], window: number): number {
  let first = 0;
  let most = 0;
  for (const [last, instant] of instants.entries()) {
    while (instant - (instants[first] ?? instant) >= window) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
