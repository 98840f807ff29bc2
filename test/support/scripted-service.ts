import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a test has a server or proxy answer: a status, a body (JSON, or text as it is), and headers. */
export type ScriptedAnswer = readonly [
  status: number,
  body: unknown,
  headers?: Readonly<Record<string, string>>,
];

/** Answers what a test has laid out, in order, and remembers what was asked. A worker's goodbye is not part of the script. */
export class ScriptedService {
  answers: ScriptedAnswer[] = [];
  readonly asked: { readonly call: string; readonly body: Readonly<Record<string, unknown>> }[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ScriptedService> {
    const server = createServer((request, response) => void service.answer(request, response));
    const service = new ScriptedService(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get calls(): readonly string[] {
    return this.asked.map(({ call }) => call);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await text(request);
    const { method = '', url = '' } = request;
    if (url.endsWith('/leave')) return send(response, [200, {}]);
    const body = (content === '' ? {} : JSON.parse(content)) as Readonly<Record<string, unknown>>;
    this.asked.push({ call: `${method} ${url}`, body });
    const next = this.answers.shift();
    // A call beyond the script is a fault of the test: it is not answered, and the test says what was asked.
    if (next === undefined) request.destroy();
    else send(response, next);
  }
}

function send(response: ServerResponse, [status, body, headers]: ScriptedAnswer): void {
  const content = Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(content), ...headers });
  response.end(content);
}
