import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** One command that Redis has run. */
export interface SeenCommand {
  /** In lower case. */
  readonly name: string;
  /** The arguments as the server writes them, each in quotes. Quotes within are escaped by some servers only. */
  readonly args: string;
  /** The connection, as address and port; `lua` for what a script has called. */
  readonly source: string;
}

export interface RedisMonitor {
  close(): void;
}

const COMMAND = /^\+\S+ \[\d+ ([^\]]+)\] "(\w+)" ?(.*)$/;

/**
 * Tells of every command that a Redis on this machine runs from now on, in its order.
 *
 * The one of ioredis fails when the first command comes together with the answer to `MONITOR`.
 */
export async function monitorRedis(
  port: number,
  listener: (command: SeenCommand) => void,
): Promise<RedisMonitor> {
  const socket = connect(port, '127.0.0.1');
  const lines = createInterface(socket);
  lines.on('line', (line) => {
    const [, source, name = '', args = ''] = COMMAND.exec(line) ?? [];
    if (source !== undefined) listener({ name: name.toLowerCase(), args, source });
  });
  socket.write('MONITOR\r\n');
  // `OK`: from here on.
  await once(lines, 'line');
  return { close: () => socket.destroy() };
}
