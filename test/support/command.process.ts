import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The built command `crucible-queue`, as a process. */
export class CommandProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(
    args: readonly string[],
    { env = {}, input }: { env?: Record<string, string | undefined>; input?: string } = {},
  ) {
    const { PATH } = process.env;
    const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH, ...env }, stdio: 'pipe' });
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
