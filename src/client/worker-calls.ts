import type { ListedWorker, WorkerList, WorkerStatus } from './api.generated.js';
import type { Send } from './long-poll.js';
import type { CallOptions } from './transport.js';

/** Who works, and who is to stop. */
export class WorkerCalls {
  constructor(private readonly send: Send) {}

  /** Who claimed or beat lately, by name. */
  async list({ signal }: CallOptions = {}): Promise<readonly ListedWorker[]> {
    return ((await this.send({ method: 'GET', path: 'workers', signal })) as WorkerList).workers;
  }

  /** Has a worker finish what it holds and take nothing more. @throws NotFound */
  drain(id: string, options: CallOptions = {}): Promise<WorkerStatus> {
    return this.steer(id, 'drain', options);
  }

  /** Takes a drain back. @throws NotFound */
  resume(id: string, options: CallOptions = {}): Promise<WorkerStatus> {
    return this.steer(id, 'resume', options);
  }

  private async steer(id: string, verb: string, { signal }: CallOptions): Promise<WorkerStatus> {
    const path = `workers/${encodeURIComponent(id)}/${verb}`;
    return (await this.send({ method: 'POST', path, body: {}, signal })) as WorkerStatus;
  }
}
