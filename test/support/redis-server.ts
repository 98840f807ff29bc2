import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface RedisServerOptions {
  /** By default a free one. */
  readonly port?: number;
  /** Every write is synced to a file, so data survives `kill` and `start`. By default nothing is kept. */
  readonly isDurable?: boolean;
  /** More of the command line: `['--requirepass', 'secret']`. */
  readonly args?: readonly string[];
}

/** Redis did not start; the message ends with what it printed. */
class StartFailure extends Error {}

/**
 * A real `redis-server` of the test's own, on 127.0.0.1, in a directory of its own.
 *
 * Whoever starts it stops it; if a test forgets, it ends with the test process.
 */
export class RedisServer {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly options: RedisServerOptions,
    private child: ChildProcess,
  ) {}

  /** Resolves when it takes connections. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-redis-'));
    const port = options.port ?? (await freePort());
    try {
      return new RedisServer(port, directory, options, await launch(port, directory, options));
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      const isPortTaken = error instanceof StartFailure && error.message.includes('in use');
      // Somebody was quicker to use the free port.
      if (isPortTaken && options.port === undefined) return RedisServer.start(options);
      throw error;
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('The Redis server was never started');
    return this.child.pid;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Stands still: connections stay open and are not answered. Resolves when it does. */
  async pause(): Promise<void> {
    this.child.kill('SIGSTOP');
    await until(async () => isStopped(await processState(this.pid)));
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** Ends it as a crash does. `start` brings it back. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Again on the same port, in the same directory, after `kill`. */
  async restart(): Promise<void> {
    await this.kill();
    this.child = await launch(this.port, this.directory, this.options);
  }

  /** Ends it for good and removes what it wrote. */
  async stop(): Promise<void> {
    this.resume();
    await this.end('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}

/** A port on 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
  return address.port;
}

async function launch(port: number, directory: string, options: RedisServerOptions): Promise<ChildProcess> {
  const durability = options.isDurable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const child = spawn(
    'redis-server',
    [
      ...[
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--save',
        '',
        '--daemonize',
        'no',
      ],
      ...durability,
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const orphanGuard = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', orphanGuard);
  child.once('exit', () => process.removeListener('exit', orphanGuard));
  await once(child, 'spawn');
  await ready(child.stdout);
  // Nobody reads what it prints from now on; a full pipe would hold it up.
  child.stdout.resume();
  return child;
}

async function ready(output: Readable): Promise<void> {
  const printed: string[] = [];
  for await (const line of createInterface({ input: output })) {
    if (line.includes('Ready to accept connections')) return;
    printed.push(line);
  }
  throw new StartFailure(`redis-server did not start:\n${printed.join('\n')}`);
}

/** The letter that Linux gives the state of a process; `undefined` where there is no /proc. */
async function processState(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2)[0];
}

function isStopped(state: string | undefined): boolean {
  return state === undefined || state === 'T';
}

/** Resolves when the condition holds, looking again each turn. The test's own time-out is the limit. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await nextTurn();
}
