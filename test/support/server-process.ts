import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A server did not start; the message ends with what it printed. */
export class StartFailure extends Error {}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** What it prints when it takes connections. */
  readonly readyLine: string;
}

/** Starts a server and resolves when it takes connections. It ends with the test process, if nobody ends it before. */
export async function launchServer({ command, args, readyLine }: ServerCommand): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  endWithParent(child);
  await once(child, 'spawn');
  await ready(child.stdout, command, readyLine);
  // Nobody reads what it prints from now on; a full pipe would hold it up.
  child.stdout.resume();
  return child;
}

/** Has a child killed when this process ends before it. */
export function endWithParent(child: ChildProcess): void {
  const end = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', end);
  child.once('exit', () => process.removeListener('exit', end));
}

/** Ends a server, also one that stands still. Resolves when it is gone. */
export async function endServer(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  child.kill('SIGCONT');
  await exited;
}

async function ready(output: Readable, command: string, readyLine: string): Promise<void> {
  const printed: string[] = [];
  for await (const line of createInterface({ input: output })) {
    if (line.includes(readyLine)) return;
    printed.push(line);
  }
  throw new StartFailure(`${command} did not start:\n${printed.join('\n')}`);
}
