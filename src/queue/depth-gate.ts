import { Injectable } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { TaskStore } from '../storage/task-store.js';
import { TaskDamaged } from '../task/task.errors.js';
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

/** Tasks of one queue that were let in and are on their way into the store. */
interface Arrival {
  readonly count: number;
  readonly release: () => void;
  /** Resolves when they are there, or will not come. */
  readonly released: Promise<void>;
}

/** The way into one queue. */
interface Door {
  /** Whoever is before it looks; one at a time, so that no two are let in for the same room. */
  turn: Promise<unknown>;
  /** Those whose turn is not over. */
  lookers: number;
  readonly arrivals: Set<Arrival>;
}

/**
 * Keeps queues with a `max_depth` from growing past it, and fills them up to it. What this process has on the way counts
 * as there, so only what other processes enqueue at the same moment can come on top of the limit.
 */
@Injectable()
export class DepthGate {
  private readonly doors = new Map<string, Door>();

  constructor(
    private readonly store: TaskStore,
    private readonly settings: SettingsCache,
  ) {}

  /** Queues that somebody is on the way into. */
  get size(): number {
    return this.doors.size;
  }

  /** The most tasks that may wait in the queue; `undefined` for any number. */
  limitOf(queue: string): number | undefined {
    return this.settings.of(queue).maxDepth;
  }

  full(queue: string): QueueFull {
    return new QueueFull(queue, this.limitOf(queue) ?? 0);
  }

  /** Lets in those that are there already, and as many of the others as there is room for, the first ones first. */
  async admit<T extends Entrant>(drafts: readonly T[]): Promise<Admission<T>> {
    const admitted = new Set<T>();
    const arrivals: Arrival[] = [];
    const release = () => {
      for (const arrival of arrivals) arrival.release();
    };
    try {
      for (const [queue, ofQueue] of byQueue(drafts)) {
        const arrival = await this.enter(queue, ofQueue.length);
        arrivals.push(arrival);
        const isRoomy = arrival.count === ofQueue.length;
        for (const draft of isRoomy ? ofQueue : await this.fitting(ofQueue, arrival.count))
          admitted.add(draft);
      }
    } catch (error) {
      release();
      throw error;
    }
    return { admitted, release };
  }

  /** Of tasks of one queue those that need no room, and so many that do. Of one id the first one does. */
  private async fitting<T extends Entrant>(drafts: readonly T[], room: number): Promise<readonly T[]> {
    const ids = [...new Set(drafts.map(({ spec }) => spec.id))];
    const isThere = await Promise.all(ids.map((id) => this.isThere(id)));
    const fresh = ids.filter((_, index) => !isThere[index]);
    const refused = new Set(fresh.slice(room));
    return drafts.filter(({ spec }) => !refused.has(spec.id));
  }

  private async isThere(id: string): Promise<boolean> {
    try {
      return (await this.store.find(id)) !== undefined;
    } catch (error) {
      // Its id is taken all the same.
      if (error instanceof TaskDamaged) return true;
      throw error;
    }
  }

  private enter(queue: string, wanted: number): Promise<Arrival> {
    const door: Door = this.doors.get(queue) ?? { turn: Promise.resolve(), lookers: 0, arrivals: new Set() };
    this.doors.set(queue, door);
    door.lookers += 1;
    const arrival = door.turn
      .then(() => this.look(queue, door, wanted))
      .finally(() => {
        door.lookers -= 1;
        this.forgetIdle(queue, door);
      });
    door.turn = arrival.catch(() => undefined);
    return arrival;
  }

  private forgetIdle(queue: string, { lookers, arrivals }: Door): void {
    if (lookers === 0 && arrivals.size === 0) this.doors.delete(queue);
  }

  /** Lets in as many of so many tasks as the queue has room for. */
  private async look(queue: string, door: Door, wanted: number): Promise<Arrival> {
    const ahead = [...door.arrivals];
    let room = (await this.roomIn(queue)) - ahead.reduce((sum, { count }) => sum + count, 0);
    if (room < wanted && ahead.length > 0) {
      // They may have been counted twice, or may not come.
      await Promise.all(ahead.map(({ released }) => released));
      room = await this.roomIn(queue);
    }
    return arrive(door, Math.max(0, Math.min(wanted, room)), () => {
      this.forgetIdle(queue, door);
    });
  }

  private async roomIn(queue: string): Promise<number> {
    const limit = this.limitOf(queue);
    return limit === undefined ? Infinity : limit - (await this.store.depth(queue));
  }
}

function arrive({ arrivals }: Door, count: number, onReleased: () => void): Arrival {
  let tell: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const release = () => {
    if (!arrivals.delete(arrival)) return;
    tell();
    onReleased();
  };
  const arrival: Arrival = { count, release, released };
  if (count > 0) arrivals.add(arrival);
  return arrival;
}

/** By name: when two requests wait for each other's tasks in one queue, neither holds room in a later one. */
function byQueue<T extends Entrant>(drafts: readonly T[]): readonly (readonly [queue: string, T[]])[] {
  const queues = new Map<string, T[]>();
  for (const draft of drafts) {
    const { queue } = draft.spec;
    const ofQueue = queues.get(queue);
    if (ofQueue === undefined) queues.set(queue, [draft]);
    else ofQueue.push(draft);
  }
  return [...queues].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
