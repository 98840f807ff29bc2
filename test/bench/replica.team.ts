import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { QueueOptions } from './redis.queue.js';
import type { Work } from './redis.meter.js';

const PROGRAM = fileURLToPath(new URL('./replica.program.js', import.meta.url));

/** Several processes that share one Redis and the work. */
export class ReplicaTeam {
  private constructor(private readonly replicas: readonly ChildProcess[]) {}

  static async start(size: number, { port, name }: QueueOptions): Promise<ReplicaTeam> {
    const replicas = Array.from({ length: size }, () =>
      fork(PROGRAM, [String(port), name], { execArgv: [] }),
    );
    await Promise.all(replicas.map(answerOf));
    return new ReplicaTeam(replicas);
  }

  /** Units and callers are those of all together. */
  async drive({ operation, callers, units }: Omit<Work, 'queue'>): Promise<void> {
    const share = this.replicas.length;
    await Promise.all(
      this.replicas.map(async (replica) => {
        replica.send({ operation, callers: callers / share, units: units / share });
        await answerOf(replica);
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.replicas.map(async (replica) => {
        replica.disconnect();
        await once(replica, 'exit');
      }),
    );
  }
}

/** @throws Error when it ends instead */
async function answerOf(replica: ChildProcess): Promise<void> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort(new Error('A replica has ended'));
  };
  replica.once('exit', end);
  try {
    await once(replica, 'message', { signal: ended.signal });
  } finally {
    replica.off('exit', end);
  }
}
