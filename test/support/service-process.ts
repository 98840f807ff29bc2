import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { endWithParent } from './server-process.js';

/** Where npm runs every script: this file may have been compiled into another place. */
const ROOT = `${process.cwd()}/`;
const POLL_MS = 50;
const START_LIMIT_MS = 60_000;

/** The built service as a process of its own. */
export class ServiceProcess {
  log = '';
  readonly exited: Promise<number | NodeJS.Signals>;

  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
  ) {
    endWithParent(child);
    child.stdout?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve(code ?? signal ?? -1);
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Spawns `dist/main.js`, which is built when it is missing. Does not wait. */
  static async spawn(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    buildOnce();
    const { PORT } = env;
    const port = PORT === undefined ? await freePort() : Number(PORT);
    const settings = { REDIS_URL: '', HOST: '127.0.0.1', LOG_FORMAT: 'json', PORT: String(port), ...env };
    const { PATH } = process.env;
    return new ServiceProcess(
      spawn(process.execPath, ['dist/main.js'], {
        cwd: ROOT,
        env: { PATH, ...settings },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
      port,
    );
  }

  /**
   * Spawns it and waits until it is ready.
   *
   * @throws Error with its log when it is not; then it does not run any more
   */
  static async start(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const service = await ServiceProcess.spawn(env);
    try {
      await service.ready();
    } catch (error) {
      await service.stop();
      throw error;
    }
    return service;
  }

  /** @throws Error with the log when it ends instead */
  async ready(): Promise<void> {
    const end = performance.now() + START_LIMIT_MS;
    while (performance.now() < end) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      const isReady = await fetch(`${this.url}/readyz`).then(
        (response) => response.ok,
        () => false,
      );
      if (isReady) return;
      await delay(POLL_MS);
    }
    throw new Error(`The service did not become ready:\n${this.log}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it, by force if need be. */
  async stop(): Promise<number | NodeJS.Signals> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.exited;
    this.signal('SIGTERM');
    const timer = setTimeout(() => {
      this.signal('SIGKILL');
    }, 12_000);
    const result = await this.exited;
    clearTimeout(timer);
    return result;
  }
}

function buildOnce(): void {
  if (existsSync(`${ROOT}dist/main.js`)) return;
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT, stdio: 'inherit' });
}
