import { connect, type Socket } from 'node:net';
import type { Rival } from './rival.js';

const CONNECTIONS = 8;
const LINE_END = '\r\n';

/** One connection: commands are answered in their order. */
class Connection {
  private readonly waiting: ((answer: string) => void)[] = [];
  private rest = '';

  constructor(private readonly socket: Socket) {
    socket.setNoDelay().setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.rest += chunk;
      this.answerAll();
    });
  }

  send(command: string): Promise<string> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.socket.write(command, 'latin1');
    });
  }

  private answerAll(): void {
    for (;;) {
      const line = this.rest.indexOf(LINE_END);
      if (line === -1) return;
      const bytes = /^RESERVED \d+ (\d+)/.exec(this.rest)?.[1];
      const end = bytes === undefined ? line : line + LINE_END.length + Number(bytes);
      if (this.rest.length < end + LINE_END.length) return;
      this.waiting.shift()?.(this.rest.slice(0, end));
      this.rest = this.rest.slice(end + LINE_END.length);
    }
  }
}

/** beanstalkd by its own protocol. It keeps neither outputs nor ended jobs. */
export class BeanstalkRival implements Rival {
  private next = 0;

  private constructor(private readonly connections: readonly Connection[]) {}

  static async open(port: number): Promise<BeanstalkRival> {
    const sockets = Array.from({ length: CONNECTIONS }, () => connect({ port, host: '127.0.0.1' }));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    return new BeanstalkRival(sockets.map((socket) => new Connection(socket)));
  }

  async enqueue(code: string): Promise<void> {
    const text = JSON.stringify({ code });
    const answer = await this.connection(this.turn()).send(`put 1024 0 3600 ${text.length}\r\n${text}\r\n`);
    if (!answer.startsWith('INSERTED')) throw new Error(answer);
  }

  async enqueueMany(codes: readonly string[]): Promise<void> {
    await Promise.all(codes.map((code) => this.enqueue(code)));
  }

  async claim(): Promise<{ id: string; lease: string; code: string } | undefined> {
    const turn = this.turn();
    const answer = await this.connection(turn).send('reserve-with-timeout 0\r\n');
    const id = /^RESERVED (\d+)/.exec(answer)?.[1];
    if (id === undefined) return undefined;
    const { code } = JSON.parse(answer.slice(answer.indexOf(LINE_END))) as { code: string };
    // A reserved job belongs to its connection.
    return { id, lease: String(turn), code };
  }

  async complete(id: string, lease: string): Promise<void> {
    const answer = await this.connection(Number(lease)).send(`delete ${id}\r\n`);
    if (answer !== 'DELETED') throw new Error(answer);
  }

  private turn(): number {
    this.next = (this.next + 1) % CONNECTIONS;
    return this.next;
  }

  private connection(turn: number): Connection {
    const connection = this.connections[turn];
    if (connection === undefined) throw new Error(`There is no connection ${turn}`);
    return connection;
  }
}
