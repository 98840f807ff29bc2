import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Traffic } from './load.traffic.js';

export interface LoadJob {
  readonly port: number;
  readonly connections: number;
  /** Units of work: requests, or cycles of several. */
  readonly units: number;
  readonly traffic: Traffic;
}

export interface LoadResult {
  readonly seconds: number;
  readonly units: number;
  readonly requests: number;
  /** Answers by status code. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of one unit. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** The handle on the load generator, which runs in its own process. */
export class LoadClient {
  private readonly child: ChildProcess;

  constructor() {
    const program = fileURLToPath(new URL('./load.program.js', import.meta.url));
    this.child = fork(program, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** @throws Error when a connection breaks, or an answer is none of those that the traffic should get */
  async run(job: LoadJob): Promise<LoadResult> {
    const answer = once(this.child, 'message');
    this.child.send(job);
    const [message] = (await answer) as [{ result: LoadResult } | { error: string }];
    if ('error' in message) throw new Error(message.error);
    const { statuses } = message.result;
    const bad = Object.keys(statuses).filter((status) => !status.startsWith('2'));
    if (bad.length > 0) throw new Error(`Unexpected answers: ${JSON.stringify(statuses)}`);
    return message.result;
  }

  stop(): void {
    this.child.disconnect();
  }
}
