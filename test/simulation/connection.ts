import { IncomingMessage, ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Principal } from '../../src/auth/principal.js';
import type { Keys } from './keys.js';

/** A request as a client sends it. */
export interface Request {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body?: object;
}

/** What a client has read of the answer; `undefined` when the connection ended before all of it was there. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The socket of one request. What is written to it is held until the client reads. */
class HeldSocket extends Duplex {
  readonly received: Buffer[] = [];
  private isReading = false;
  private taken: (() => void)[] = [];

  override _read(): void {
    // The request is handed over as a whole, see `Connection`.
  }

  override _write(chunk: Buffer, _: BufferEncoding, taken: () => void): void {
    this.received.push(chunk);
    if (this.isReading) taken();
    else this.taken.push(taken);
  }

  setTimeout(): this {
    return this;
  }

  readOn(): void {
    this.isReading = true;
    for (const taken of this.taken.splice(0)) taken();
  }
}

/**
 * One request and its answer: the real classes of Node on a socket that the simulation holds, so that a client may read
 * late, or hang up in the middle of an answer.
 */
export class Connection {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the client has, as soon as it has all of it or none will come. */
  readonly answer: Promise<Answer | undefined>;
  private readonly socket = new HeldSocket();

  /** Who it was let in as. */
  principal: Principal | undefined;

  /**
   * @param isDeaf the service is not told when the client hangs up
   * @param keys what the request is made with; without one it may do everything
   */
  constructor(
    { method, path, body }: Request,
    isDeaf = false,
    readonly keys?: Keys,
  ) {
    this.request = new IncomingMessage(this.socket as unknown as Socket);
    const text = body === undefined ? '' : JSON.stringify(body);
    Object.assign(this.request, { method, url: path, httpVersionMajor: 1, httpVersionMinor: 1 });
    if (text !== '') {
      Object.assign(this.request.headers, {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(text)),
      });
      this.request.push(text);
    }
    this.request.push(null);
    this.request.complete = true;
    this.response = new ServerResponse(this.request);
    this.response.sendDate = false;
    // A write that ends with the connection is no error of the service.
    this.socket.on('error', () => undefined);
    this.response.assignSocket(this.socket as unknown as Socket);
    if (isDeaf) Object.defineProperty(this.response, 'writableFinished', { value: true });
    this.answer = new Promise((resolve) => {
      this.response.once('finish', () => {
        resolve(this.socket.destroyed ? undefined : this.parsed());
      });
      this.socket.once('close', () => {
        resolve(undefined);
      });
    });
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** Listeners that wait for the connection to close, besides Node's and the simulation's own. */
  get watchers(): number {
    return this.socket.listenerCount('close');
  }

  /** From now on the client takes what is written. */
  readOn(): void {
    this.socket.readOn();
  }

  /** The client goes: what it has not read is lost. */
  hangUp(): void {
    this.socket.destroy();
  }

  private parsed(): Answer {
    const text = Buffer.concat(this.socket.received).toString('utf8');
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    const value: unknown = JSON.parse(body);
    return {
      status: this.response.statusCode,
      headers: this.response.getHeaders(),
      body: (value ?? {}) as Readonly<Record<string, unknown>>,
    };
  }
}
