import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.js';
import { endWithParent } from '../support/server-process.js';

const START_LIMIT_MS = 90_000;
const POLL_MS = 15;
/** The end of what it printed, for whoever has to find out why it did not start. */
const LOG_TAIL = 4_000;

export interface ServiceOptions {
  readonly directory: string;
  /** The same after each restart, so that clients need not be told. By default a free one. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A program that runs the service: it is given the command line. */
  readonly prefix?: readonly string[];
  /** What to run; by default what `npm run build` made. */
  readonly main?: string;
}

/** The service as a process of its own, which is meant to be killed, stopped half-way and started again. */
export class Service {
  log = '';
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    const note = (chunk: Buffer) => {
      this.log = (this.log + chunk.toString()).slice(-LOG_TAIL);
    };
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    this.exited = once(child, 'close').then(([code, signal]) => code ?? signal);
    endWithParent(child);
  }

  /** Spawns it. Does not wait. */
  static async spawn(options: ServiceOptions): Promise<Service> {
    const { directory, env, prefix = [], main = builtMain() } = options;
    const port = options.port ?? (await freePort());
    const { PATH = '' } = process.env;
    const [program, ...args] = [...prefix, process.execPath, main];
    // A quarantined worker gets nothing by design, also the one of the load that always oversleeps.
    const own = { REDIS_URL: '', LOG_LEVEL: 'warn', WORKER_QUARANTINE_AFTER: '0' };
    const given = { HOST: '127.0.0.1', PORT: String(port), ...own, ...env };
    const child = spawn(program ?? process.execPath, args, {
      env: { PATH, DATA_DIR: directory, ...given },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Service(child, port);
  }

  /** Spawns it and waits until it takes work. */
  static async start(options: ServiceOptions): Promise<Service> {
    const service = await Service.spawn(options);
    await service.ready();
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error('The service was never started');
    return pid;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @throws Error with the end of its log when it ends instead */
  async ready(): Promise<void> {
    const end = performance.now() + START_LIMIT_MS;
    while (this.isRunning && performance.now() < end) {
      const isReady = await fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return;
      await delay(POLL_MS);
    }
    throw new Error(`The service did not become ready:\n${this.log}`);
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Stands still in the middle of whatever it does. Resolves when all of its threads do. */
  async freeze(): Promise<void> {
    this.child.kill('SIGSTOP');
    while (!/^State:\s+[Tt]/m.test(readFileSync(`/proc/${this.pid}/status`, 'utf8'))) await delay(0);
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGTERM');
    await this.exited;
  }
}

/** This file runs from its source and compiled, at different depths, and compiled code has a package.json of its own. */
export function projectRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package-lock.json'))) directory = dirname(directory);
  return directory;
}

function builtMain(): string {
  const main = join(projectRoot(), 'dist/main.js');
  if (!existsSync(main)) execFileSync(process.execPath, [join(projectRoot(), 'scripts/build.mjs')]);
  return main;
}
