import type {
  ClearedTasks,
  QueueChange,
  QueueDetails,
  QueueList,
  QueueStatistics,
  TaskStatus,
} from './api.generated.js';
import { objectWith } from './answers.js';
import type { Send } from './long-poll.js';
import { InvalidArgument, pathTo, removalQuery } from './paths.js';
import type { CallOptions } from './transport.js';

/** The counts and settings of queues. */
export class QueueCalls {
  constructor(private readonly send: Send) {}

  /** By name. */
  async list({ signal }: CallOptions = {}): Promise<readonly QueueDetails[]> {
    const read = objectWith<QueueList>({ queues: 'array' });
    return (await this.send({ method: 'GET', path: 'queues', signal }, read)).queues;
  }

  /** The settings and counts of one queue. */
  async get(queue: string, { signal }: CallOptions = {}): Promise<QueueDetails> {
    return this.send({ method: 'GET', path: pathOf(queue), signal }, readQueue);
  }

  /** The figures for an autoscaler. */
  async stats(queue: string, { signal }: CallOptions = {}): Promise<QueueStatistics> {
    const read = objectWith<QueueStatistics>({ backlog: 'number' });
    return this.send({ method: 'GET', path: `${pathOf(queue)}/stats`, signal }, read);
  }

  /** Changes the given settings and keeps the others; null removes a limit. */
  async change(queue: string, body: QueueChange, { signal }: CallOptions = {}): Promise<QueueDetails> {
    return this.send({ method: 'PATCH', path: pathOf(queue), body, signal }, readQueue);
  }

  /** Stops claims from the queue; enqueues continue. */
  pause(queue: string, options: CallOptions = {}): Promise<QueueDetails> {
    return this.steer(queue, 'pause', options);
  }

  /** Allows claims from the queue again. */
  resume(queue: string, options: CallOptions = {}): Promise<QueueDetails> {
    return this.steer(queue, 'resume', options);
  }

  /**
   * Removes the queue's tasks in these states, or all of its tasks, including held ones. This cannot be undone.
   *
   * @throws TypeError for an empty queue or an empty list of states, before any removal
   */
  async purge(
    queue: string,
    { status, signal }: CallOptions & { status?: readonly TaskStatus['status'][] } = {},
  ): Promise<ClearedTasks> {
    pathOf(queue);
    const query = removalQuery(status === undefined ? { queue } : { queue, status });
    const call = { method: 'DELETE', path: 'tasks', query, signal, isRepeatable: false } as const;
    return this.send(call, objectWith<ClearedTasks>({ tasks_removed: 'number' }));
  }

  private async steer(queue: string, verb: string, { signal }: CallOptions): Promise<QueueDetails> {
    const call = { method: 'POST', path: `${pathOf(queue)}/${verb}`, body: {}, signal } as const;
    return this.send(call, readQueue);
  }
}

const readQueue = objectWith<QueueDetails>({ queue: 'string' });

/** @throws TypeError unless the text names one queue */
function pathOf(queue: string): string {
  const path = pathTo('queues', queue);
  if (queue.includes(',')) throw new InvalidArgument(`${queue} is not the name of one queue`);
  return path;
}
