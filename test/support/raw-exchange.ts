import { connect } from 'node:net';

/** What came back on one connection. */
export interface RawAnswer {
  readonly bytes: Buffer;
  /** `close`: the other side ended it; `timeout`: nothing more came for a while. */
  readonly end: 'close' | 'timeout';
  /** The status of each answer on the connection, interim ones too. */
  readonly statuses: readonly number[];
}

export interface RawOptions {
  /** Milliseconds without a byte before the exchange is given up. */
  readonly patience?: number;
  /** Sends this many bytes a second instead of all at once. */
  readonly bytesPerSecond?: number;
  /** Reads nothing for this long, in milliseconds. */
  readonly deafFor?: number;
}

/** How long the rest of an answer may take after some of it has come, in milliseconds. */
const REST_MS = 5_000;

/** Sends bytes on a connection of their own and collects what comes back. */
export function exchange(port: number, bytes: Buffer, options: RawOptions = {}): Promise<RawAnswer> {
  const { patience = 5_000, bytesPerSecond, deafFor } = options;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1');
    let dripping: NodeJS.Timeout | undefined;
    const finish = (end: RawAnswer['end']) => {
      clearInterval(dripping);
      clearTimeout(timer);
      socket.destroy();
      const all = Buffer.concat(chunks);
      resolve({ bytes: all, end, statuses: statusesOf(all) });
    };
    let timer = setTimeout(finish, patience, 'timeout');
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(finish, Math.min(patience, REST_MS), 'timeout');
    });
    socket.on('close', () => {
      finish('close');
    });
    socket.on('error', () => {
      finish('close');
    });
    if (deafFor !== undefined) {
      socket.pause();
      setTimeout(() => socket.resume(), deafFor).unref();
    }
    if (bytesPerSecond === undefined) socket.write(bytes);
    else dripping = drip(bytes, bytesPerSecond, (part) => socket.writable && socket.write(part));
  });
}

function drip(bytes: Buffer, bytesPerSecond: number, write: (part: Buffer) => unknown): NodeJS.Timeout {
  let sent = 0;
  return setInterval(() => {
    write(bytes.subarray(sent, sent + 1));
    sent += 1;
  }, 1000 / bytesPerSecond);
}

function statusesOf(bytes: Buffer): number[] {
  return [...bytes.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
}
