import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { YOUNG_GENERATION_FLAG } from '../../src/young-generation.js';
import { freePort } from '../support/free-port.js';
import { endServer, endWithParent } from '../support/server-process.js';

const COMPILED = fileURLToPath(new URL('../../', import.meta.url));
/** The programs that are measured, compiled from the same sources. */
export const PROGRAMS = {
  service: join(COMPILED, 'src/main.js'),
  noop: join(COMPILED, 'test/bench/noop.program.js'),
  raw: join(COMPILED, 'test/bench/raw.program.js'),
  rival: join(COMPILED, 'test/bench/rival.program.js'),
} as const;

const POLL_MS = 5;
const READY_LIMIT_MS = 60_000;
/** Of the kernel's accounting; 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** In MiB. */
export interface Memory {
  readonly rss: number;
  readonly anonymous: number;
  readonly file: number;
}

export interface ServerOptions {
  readonly program: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program of another version of Node. */
  readonly node?: string;
}

/** A server in a process of its own. It ends with this process, if nobody ends it before. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** From the start of the process until it said that it is ready. */
    readonly startedInMs: number,
  ) {}

  /** @throws Error when the program ends instead, or is not ready within a minute; then it does not run any more */
  static async start({ program, env = {}, node = process.execPath }: ServerOptions): Promise<ServerProcess> {
    placeManifest(program);
    const port = await freePort();
    const startedAt = performance.now();
    const child = spawn(node, [YOUNG_GENERATION_FLAG, program], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH,
        REDIS_URL: '',
        LOG_LEVEL: 'error',
        HOST: '127.0.0.1',
        ...env,
        PORT: String(port),
      },
    });
    endWithParent(child);
    try {
      await untilReady(child, port);
    } catch (error) {
      await endServer(child, 'SIGKILL');
      throw error;
    }
    return new ServerProcess(child, port, performance.now() - startedAt);
  }

  get memory(): Memory {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    const read = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024;
    return { rss: read('VmRSS'), anonymous: read('RssAnon'), file: read('RssFile') };
  }

  /** Of all its threads since the start, the kernel's work for it included. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8');
    // The name of the program is in parentheses and may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** How long it took to end. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number> {
    const from = performance.now();
    await endServer(this.child, signal);
    return performance.now() - from;
  }
}

/** `src/version.ts` reads the package's manifest one folder up, where the build of another place may have none. */
function placeManifest(program: string): void {
  const manifest = join(dirname(dirname(program)), 'package.json');
  if (!existsSync(manifest)) copyFileSync(join(COMPILED, 'package.json'), manifest);
}

async function untilReady(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + READY_LIMIT_MS;
  while (!(await isReady(port))) {
    const ending = child.exitCode ?? child.signalCode;
    if (ending !== null) throw new Error(`The server ended with ${ending} before it was ready`);
    if (performance.now() > until) throw new Error('The server was not ready in time');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
