import type { ListedWorker, WorkerList, WorkerStatus } from './api.generated.js';
import { objectWith } from './answers.js';
import type { Send } from './long-poll.js';
import { pathTo } from './paths.js';
import type { Call, CallOptions } from './transport.js';

/** The workers that the service knows. */
export class WorkerCalls {
  constructor(private readonly send: Send) {}

  /** By name. */
  async list({ signal }: CallOptions = {}): Promise<readonly ListedWorker[]> {
    const read = objectWith<WorkerList>({ workers: 'array' });
    return (await this.send({ method: 'GET', path: 'workers', signal }, read)).workers;
  }

  /** Has a worker finish its tasks and claim nothing more. @throws NotFound */
  drain(id: string, options: CallOptions = {}): Promise<WorkerStatus> {
    return this.steer(id, 'drain', options);
  }

  /** Takes a drain back. @throws NotFound */
  resume(id: string, options: CallOptions = {}): Promise<WorkerStatus> {
    return this.steer(id, 'resume', options);
  }

  /** Says that a worker has ended; what it still holds is left to its leases. */
  async leave(id: string, options: Pick<Call, 'signal' | 'patience' | 'timeout'> = {}): Promise<void> {
    const call = { method: 'POST', path: pathTo('workers', id, 'leave'), body: {}, ...options } as const;
    await this.send(call, () => undefined);
  }

  private async steer(id: string, verb: string, { signal }: CallOptions): Promise<WorkerStatus> {
    const read = objectWith<WorkerStatus>({ worker_id: 'string' });
    return this.send({ method: 'POST', path: pathTo('workers', id, verb), body: {}, signal }, read);
  }
}
