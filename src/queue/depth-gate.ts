import { Injectable } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { TaskStore } from '../storage/task-store.js';
import { TaskDamaged } from '../task/task.errors.js';
import type { TaskSpec } from '../task/task.js';
import { SettingsCache } from './settings-cache.js';

/** The queue is full. */
export class QueueFull extends ProblemError {
  constructor(queue: string, maxDepth: number) {
    super('queue_full', `Queue ${queue} is full: ${maxDepth} tasks wait in it; try again later`, {
      applied: false,
      headers: { 'Retry-After': '1' },
    });
  }
}

/** A task to be enqueued. */
interface Entrant {
  readonly spec: Pick<TaskSpec, 'id' | 'queue'>;
}

/** The admitted tasks. Their room is reserved until it is released. */
export interface Admission<T> {
  readonly admitted: ReadonlySet<T>;
  readonly release: () => void;
}

/** Admitted tasks of one queue that are being inserted. */
interface Arrival {
  readonly count: number;
  readonly release: () => void;
  /** Resolves when they are stored or dropped. */
  readonly released: Promise<void>;
}

/** The admission state of one queue. */
interface Door {
  /** Admissions run one at a time, so that two requests cannot get the same room. */
  turn: Promise<unknown>;
  /** Admissions that are running or waiting. */
  lookers: number;
  readonly arrivals: Set<Arrival>;
}

/**
 * Enforces `max_depth` and lets queues fill up to it. Tasks that this process is inserting count as stored. So only
 * concurrent inserts of other processes can exceed the limit.
 */
@Injectable()
export class DepthGate {
  private readonly doors = new Map<string, Door>();

  constructor(
    private readonly store: TaskStore,
    private readonly settings: SettingsCache,
  ) {}

  /** The number of queues with inserts in progress. */
  get size(): number {
    return this.doors.size;
  }

  /** The maximum number of waiting tasks in the queue; `undefined` without a limit. */
  limitOf(queue: string): number | undefined {
    return this.settings.of(queue).maxDepth;
  }

  full(queue: string): QueueFull {
    return new QueueFull(queue, this.limitOf(queue) ?? 0);
  }

  /** Admits the tasks that already exist, and as many others as fit, in order. */
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

  /**
   * The tasks that exist already, and the first others that fit. Of tasks with the same id, only the first needs room.
   */
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
      // A damaged task still occupies its id.
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

  /** Admits up to `wanted` tasks, as the room allows. */
  private async look(queue: string, door: Door, wanted: number): Promise<Arrival> {
    const ahead = [...door.arrivals];
    let room = (await this.roomIn(queue)) - ahead.reduce((sum, { count }) => sum + count, 0);
    if (room < wanted && ahead.length > 0) {
      // They may have been counted twice, or may be dropped.
      await Promise.all(ahead.map(({ released }) => released));
      room = await this.roomIn(queue);
    }
    return arrive(door, Math.max(0, Math.min(wanted, room)), () => {
      this.forgetIdle(queue, door);
    });
  }

  private async roomIn(queue: string): Promise<number> {
    const limit = this.limitOf(queue);
    return limit === undefined ? Infinity : limit - (await this.store.views.depth(queue));
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

/** Sorted by queue name: so two requests that wait for each other in one queue hold no room in a later one. */
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
