import type {
  ClearedTasks,
  QueueChange,
  QueueDetails,
  QueueList,
  QueueStatistics,
  TaskStatus,
} from './api.generated.js';
import type { Send } from './long-poll.js';
import type { CallOptions } from './transport.js';

/** How queues fare, and what is set for them. */
export class QueueCalls {
  constructor(private readonly send: Send) {}

  /** By name. */
  async list({ signal }: CallOptions = {}): Promise<readonly QueueDetails[]> {
    return ((await this.send({ method: 'GET', path: 'queues', signal })) as QueueList).queues;
  }

  /** What is set for a queue, and how it is. */
  async get(queue: string, { signal }: CallOptions = {}): Promise<QueueDetails> {
    return (await this.send({ method: 'GET', path: pathOf(queue), signal })) as QueueDetails;
  }

  /** The numbers that an autoscaler reads. */
  async stats(queue: string, { signal }: CallOptions = {}): Promise<QueueStatistics> {
    return (await this.send({ method: 'GET', path: `${pathOf(queue)}/stats`, signal })) as QueueStatistics;
  }

  /** Sets what is given and leaves the rest; null takes a limit away. */
  async change(queue: string, body: QueueChange, { signal }: CallOptions = {}): Promise<QueueDetails> {
    return (await this.send({ method: 'PATCH', path: pathOf(queue), body, signal })) as QueueDetails;
  }

  /** Hands out nothing more; enqueues go on. */
  pause(queue: string, options: CallOptions = {}): Promise<QueueDetails> {
    return this.steer(queue, 'pause', options);
  }

  /** Hands out its tasks again. */
  resume(queue: string, options: CallOptions = {}): Promise<QueueDetails> {
    return this.steer(queue, 'resume', options);
  }

  /** Forgets the tasks of a queue in these states, or all of them, held or not. There is no way back. */
  async purge(
    queue: string,
    { status, signal }: CallOptions & { status?: readonly TaskStatus['status'][] } = {},
  ): Promise<ClearedTasks> {
    const query = { queue, status };
    const call = { method: 'DELETE', path: 'tasks', query, signal, isRepeatable: false } as const;
    return (await this.send(call)) as ClearedTasks;
  }

  private async steer(queue: string, verb: string, { signal }: CallOptions): Promise<QueueDetails> {
    const call = { method: 'POST', path: `${pathOf(queue)}/${verb}`, body: {}, signal } as const;
    return (await this.send(call)) as QueueDetails;
  }
}

function pathOf(queue: string): string {
  return `queues/${encodeURIComponent(queue)}`;
}
