import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Runs its arguments on a terminal, which is what it prints on. */
const ON_TERMINAL = ['python3', '-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'];

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** Both outputs are one terminal then, and come as `stdout`. */
  readonly isOnTerminal?: boolean;
}

/** The built command `crucible-queue`, as a process. */
export class CommandProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(args: readonly string[], { env = {}, input, isOnTerminal = false }: CommandOptions = {}) {
    const { PATH } = process.env;
    const [program = process.execPath, ...rest] = [
      ...(isOnTerminal ? ON_TERMINAL : []),
      process.execPath,
      MAIN,
      ...args,
    ];
    const child = spawn(program, rest, { env: { PATH, ...env }, stdio: 'pipe' });
    child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    this.child = child;
    this.closed = once(child, 'close');
  }

  /** The exit code, when it has ended. */
  async ended(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }
}
