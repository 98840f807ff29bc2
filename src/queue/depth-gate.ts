import { Injectable } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { TaskStore } from '../storage/task-store.js';
import type { TaskSpec } from '../task/task.js';
import { SettingsCache } from './settings-cache.js';

/** The queue takes no more tasks now. */
export class QueueFull extends ProblemError {
  constructor(queue: string, maxDepth: number) {
    super('queue_full', `Queue ${queue} is full: ${maxDepth} tasks wait in it; try again later`, {
      applied: false,
      headers: { 'Retry-After': '1' },
    });
  }
}

/** What is to be enqueued. */
interface Entrant {
  readonly spec: Pick<TaskSpec, 'id' | 'queue'>;
}

/** Those that may be enqueued now. Their room is held until it is released. */
export interface Admission<T> {
  readonly admitted: ReadonlySet<T>;
  readonly release: () => void;
}

/**
 * Keeps queues with a `max_depth` from growing past it. What this process has on the way counts as there, so only what
 * other processes enqueue at the same moment can come on top of the limit.
 */
@Injectable()
export class DepthGate {
  private readonly onTheWay = new Map<string, number>();

  constructor(
    private readonly store: TaskStore,
    private readonly settings: SettingsCache,
  ) {}

  /** The most tasks that may wait in the queue; `undefined` for any number. */
  limitOf(queue: string): number | undefined {
    return this.settings.of(queue).maxDepth;
  }

  full(queue: string): QueueFull {
    return new QueueFull(queue, this.limitOf(queue) ?? 0);
  }

  /** Lets in as many as there is room for, the first ones first, and those that are there already. */
  async admit<T extends Entrant>(drafts: readonly T[]): Promise<Admission<T>> {
    const admitted = new Set<T>();
    const held: (readonly [queue: string, count: number])[] = [];
    const release = () => {
      for (const [queue, count] of held.splice(0)) this.add(queue, -count);
    };
    try {
      for (const [queue, ofQueue] of byQueue(drafts)) {
        const room = await this.hold(queue, ofQueue.length);
        held.push([queue, room]);
        for (const draft of ofQueue.slice(0, room)) admitted.add(draft);
        for (const draft of ofQueue.slice(room)) if (await this.isThere(draft)) admitted.add(draft);
      }
    } catch (error) {
      release();
      throw error;
    }
    return { admitted, release };
  }

  /** How many of so many tasks the queue takes. */
  private async hold(queue: string, wanted: number): Promise<number> {
    const limit = this.limitOf(queue);
    this.add(queue, wanted);
    // It counts from before the look on, so that whoever looks at the same time sees it.
    const depth =
      limit === undefined
        ? 0
        : await this.store.depth(queue).catch((error: unknown) => {
            this.add(queue, -wanted);
            throw error;
          });
    const ahead = (this.onTheWay.get(queue) ?? 0) - wanted;
    const room = Math.max(0, Math.min(wanted, (limit ?? Infinity) - depth - ahead));
    this.add(queue, room - wanted);
    return room;
  }

  /** It adds nothing: the answer is a repeated one, or a conflict. */
  private async isThere({ spec }: Entrant): Promise<boolean> {
    return (await this.store.find(spec.id)) !== undefined;
  }

  private add(queue: string, by: number): void {
    const count = (this.onTheWay.get(queue) ?? 0) + by;
    if (count > 0) this.onTheWay.set(queue, count);
    else this.onTheWay.delete(queue);
  }
}

function byQueue<T extends Entrant>(drafts: readonly T[]): ReadonlyMap<string, T[]> {
  const queues = new Map<string, T[]>();
  for (const draft of drafts) {
    const { queue } = draft.spec;
    const ofQueue = queues.get(queue);
    if (ofQueue === undefined) queues.set(queue, [draft]);
    else ofQueue.push(draft);
  }
  return queues;
}
