import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Ms } from '../support/history.js';

/** The longest that any client waits. */
const REQUEST_LIMIT_MS = 20_000;

export interface Message {
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

export interface Reply {
  /** `undefined` when no answer was read in full. */
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  /** It never reached the service. */
  readonly isRefused: boolean;
}

/** A request, and what became of it. */
export interface Exchange extends Message {
  readonly t0: Ms;
  readonly t1: Ms;
  readonly reply: Reply;
}

/** Sends requests and reads their answers whole, over connections that are kept. */
export class Wire {
  /** Requests that may write, sent and not answered. */
  writesInFlight = 0;
  private readonly agent = new Agent({ keepAlive: true });

  /** @param onExchange is shown every request when it is over */
  constructor(private readonly onExchange?: (exchange: Exchange) => void) {}

  async write(message: Message): Promise<Reply> {
    this.writesInFlight += 1;
    try {
      return await this.send(message);
    } finally {
      this.writesInFlight -= 1;
    }
  }

  async send(message: Message): Promise<Reply> {
    const t0 = performance.now();
    const reply = await this.exchange(message);
    this.onExchange?.({ ...message, t0, t1: performance.now(), reply });
    return reply;
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange({ port, method, path, body }: Message): Promise<Reply> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'Content-Type': 'application/json' };
    return new Promise((resolve) => {
      const fail = ({ code }: NodeJS.ErrnoException) => {
        resolve({ status: undefined, headers: {}, body: undefined, isRefused: code === 'ECONNREFUSED' });
      };
      const target = { host: '127.0.0.1', port, agent: this.agent, method, path, headers };
      const sent = request(target, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const status = response.complete ? response.statusCode : undefined;
          const parts = { status, headers: response.headers, isRefused: false };
          resolve({ ...parts, body: parsed(Buffer.concat(chunks).toString()) });
        });
      });
      sent.setTimeout(REQUEST_LIMIT_MS, () => sent.destroy(new Error('No answer in time')));
      sent.on('error', fail);
      sent.end(text);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
