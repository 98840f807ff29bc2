import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Answers a request; what it was is in `received` already. */
type Behaviour = (response: ServerResponse, received: Received) => void;

export const ACCEPT: Behaviour = (response) => {
  response.writeHead(204).end();
};

/** A server on 127.0.0.1 that webhooks are sent to. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  behaviour: Behaviour = ACCEPT;
  private readonly arrivals = new EventEmitter();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param port by default a free one */
  static async start(port = 0): Promise<WebhookReceiver> {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const receiver = new WebhookReceiver(server, typeof address === 'object' ? (address?.port ?? 0) : 0);
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const received = { headers: request.headers, text, body: JSON.parse(text) as Received['body'] };
        receiver.received.push(received);
        receiver.arrivals.emit('arrival');
        receiver.behaviour(response, received);
      });
    });
    return receiver;
  }

  /** Resolves when one more request has come. */
  async next(): Promise<void> {
    await once(this.arrivals, 'arrival');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
