import type { ListedWorker, WorkerList, WorkerStatus } from './api.generated.js';
import { objectWith } from './answers.js';
import type { Send } from './long-poll.js';
import { pathTo } from './paths.js';
import type { Call, CallOptions } from './transport.js';

/** Calls on the workers that the service has seen. */
export class WorkerCalls {
  constructor(private readonly send: Send) {}

  /** By name. */
  async list({ signal }: CallOptions = {}): Promise<readonly ListedWorker[]> {
    const read = objectWith<WorkerList>({ workers: 'array' });
    return (await this.send({ method: 'GET', path: 'workers', signal }, read)).workers;
  }

  /** Asks a worker to finish its tasks and to claim no more. @throws NotFound */
  drain(id: string, options: CallOptions = {}): Promise<WorkerStatus> {
    return this.steer(id, 'drain', options);
  }

  /** Ends a drain. @throws NotFound */
  resume(id: string, options: CallOptions = {}): Promise<WorkerStatus> {
    return this.steer(id, 'resume', options);
  }

  /** Reports that a worker has ended. Tasks that it still holds wait for the end of their leases. */
  async leave(id: string, options: Pick<Call, 'signal' | 'patience' | 'timeout'> = {}): Promise<void> {
    const call = { method: 'POST', path: pathTo('workers', id, 'leave'), body: {}, ...options } as const;
    await this.send(call, () => undefined);
  }

  private async steer(id: string, verb: string, { signal }: CallOptions): Promise<WorkerStatus> {
    const read = objectWith<WorkerStatus>({ worker_id: 'string' });
    return this.send({ method: 'POST', path: pathTo('workers', id, verb), body: {}, signal }, read);
  }
}
