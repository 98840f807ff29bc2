import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endServer, launchServer, StartFailure } from './server-process.js';
import { until } from './until.js';
import { freePort } from './free-port.js';

export interface RedisServerOptions {
  /** By default a free one. */
  readonly port?: number;
  /** Every write is synced to a file, so data survives `kill` and `start`. By default nothing is kept. */
  readonly isDurable?: boolean;
  /** More of the command line: `['--requirepass', 'secret']`. */
  readonly args?: readonly string[];
}

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
    await endServer(this.child, 'SIGKILL');
  }

  /** Again on the same port, in the same directory, after `kill`. */
  async restart(): Promise<void> {
    await this.kill();
    this.child = await launch(this.port, this.directory, this.options);
  }

  /** Ends it for good and removes what it wrote. */
  async stop(): Promise<void> {
    await endServer(this.child, 'SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }
}

function launch(port: number, directory: string, options: RedisServerOptions): Promise<ChildProcess> {
  const durability = options.isDurable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  return launchServer({
    command: 'redis-server',
    args: [...place, '--save', '', '--daemonize', 'no', ...durability, ...(options.args ?? [])],
    readyLine: 'Ready to accept connections',
  });
}

/** The letter that Linux gives the state of a process; `undefined` where there is no /proc. */
async function processState(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2)[0];
}

function isStopped(state: string | undefined): boolean {
  return state === undefined || state === 'T';
}
