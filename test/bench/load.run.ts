import { connect, type Socket } from 'node:net';
import type { LoadJob, LoadResult } from './load.client.js';
import { type Script, scriptOf } from './load.traffic.js';

const HEAD_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = Buffer.from('Content-Length: ');

/**
 * Does one job: so many units of work over so many connections, with one request under way on each (a closed loop), as
 * fast as the answers come.
 *
 * @throws Error when a connection breaks
 */
export function runLoad(job: LoadJob): Promise<LoadResult> {
  return new Load(job).run();
}

class Load {
  private readonly script: Script;
  private readonly latencies: Float64Array;
  private started = 0;
  private done = 0;
  private requests = 0;
  private readonly statuses: Record<string, number> = {};

  constructor(private readonly job: LoadJob) {
    this.script = scriptOf(job.traffic);
    this.latencies = new Float64Array(job.units);
  }

  async run(): Promise<LoadResult> {
    const { connections, units, port } = this.job;
    const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
    const from = process.hrtime.bigint();
    await Promise.all(sockets.map((socket) => this.drive(socket)));
    const seconds = Number(process.hrtime.bigint() - from) / 1e9;
    for (const socket of sockets) socket.destroy();
    const sorted = this.latencies.sort();
    return {
      seconds,
      units,
      requests: this.requests,
      statuses: this.statuses,
      medianMs: sorted[Math.floor(units * 0.5)] ?? 0,
      p99Ms: sorted[Math.floor(units * 0.99)] ?? 0,
    };
  }

  private drive(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let startedAt = 0;
      const begin = () => {
        if (this.started === this.job.units) {
          socket.off('close', fail);
          resolve();
          return;
        }
        startedAt = performance.now();
        this.requests += 1;
        socket.write(this.script.request(this.started++), 'latin1');
      };
      const fail = () => reject(new Error('The server closed a connection'));
      const answers = new AnswerReader((status, body) => {
        this.statuses[status] = (this.statuses[status] ?? 0) + 1;
        const next = this.script.next(body);
        if (next !== undefined) {
          this.requests += 1;
          socket.write(next, 'latin1');
          return;
        }
        this.latencies[this.done++] = performance.now() - startedAt;
        begin();
      });
      socket.on('data', (chunk) => answers.take(chunk)).on('error', reject);
      socket.on('close', fail);
      begin();
    });
  }
}

/** Cuts answers out of what comes in; all of them have a Content-Length. */
class AnswerReader {
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly answer: (status: string, body: string) => void) {}

  take(chunk: Buffer): void {
    const data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const headEnd = data.indexOf(HEAD_END);
    const bodyStart = headEnd + HEAD_END.length;
    const end = headEnd === -1 ? Infinity : bodyStart + lengthOf(data);
    if (end > data.length) {
      this.rest = data;
      return;
    }
    this.rest = Buffer.alloc(0);
    // One request is under way at a time, so nothing can follow.
    this.answer(data.toString('latin1', 9, 12), data.toString('latin1', bodyStart, end));
  }
}

function lengthOf(data: Buffer): number {
  const at = data.indexOf(CONTENT_LENGTH) + CONTENT_LENGTH.length;
  return Number.parseInt(data.toString('latin1', at, at + 10), 10);
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}
