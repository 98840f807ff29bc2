import { once } from 'node:events';
import type { Cluster, Redis } from 'ioredis';
import type { TaskEvent } from '../../task/task-event.js';
import { TRANSITION_TYPES } from '../../task/task.js';
import type { Move, StoreWatcher } from '../task-store.js';

export interface MoveWatchOptions {
  /** Events come on the channels `<prefix>:<type>`. */
  readonly channelPrefix: string;
  /** The channel on which every clear is told, with its number. */
  readonly clears: string;
  /** The channel on which every change of what is set for a queue is told, with its name. */
  readonly settings: string;
  readonly onClear: (generation: number) => void;
}

/**
 * Hears the events that the scripts of all processes publish. A subscription has no memory: after it was lost and is
 * there again the watchers are told that moves may be missing.
 */
export class MoveWatch {
  private readonly watchers: StoreWatcher[] = [];
  private readonly channels: readonly string[];
  private moves: Move[] = [];
  private isClosed = false;

  constructor(
    private readonly subscriber: Redis | Cluster,
    { channelPrefix, clears, settings, onClear }: MoveWatchOptions,
  ) {
    this.channels = [clears, settings, ...TRANSITION_TYPES.map((type) => `${channelPrefix}:${type}`)];
    subscriber.on('message', (channel: string, text: string) => {
      if (channel === settings) this.loosen(text);
      else if (channel !== clears) this.hear(text);
      else {
        onClear(Number(text));
        this.loosen(undefined);
      }
    });
  }

  /** Resolves when moves are told. Rejects when Redis cannot be asked now. */
  async start(): Promise<void> {
    if (this.subscriber.status !== 'ready') await once(this.subscriber, 'ready');
    await this.subscriber.subscribe(...this.channels);
    this.subscriber.on('ready', () => {
      void this.resume();
    });
  }

  add(watcher: StoreWatcher): void {
    this.watchers.push(watcher);
  }

  disturb(): void {
    if (this.isClosed) return;
    for (const watcher of this.watchers) watcher.disturbed();
  }

  /** What holds back the tasks of this queue, or of any, may have changed. */
  private loosen(queue: string | undefined): void {
    if (this.isClosed) return;
    for (const watcher of this.watchers) watcher.loosened?.(queue);
  }

  close(): void {
    this.isClosed = true;
  }

  /** A failure is a lost connection: the next one subscribes again. */
  private async resume(): Promise<void> {
    try {
      await this.subscriber.subscribe(...this.channels);
      this.disturb();
    } catch {
      return;
    }
  }

  /** What came in one piece is told in one call. */
  private hear(text: string): void {
    const move = moveOf(text);
    if (move === undefined || this.isClosed) return;
    if (this.moves.length === 0) {
      queueMicrotask(() => {
        this.tell();
      });
    }
    this.moves.push(move);
  }

  private tell(): void {
    const { moves } = this;
    this.moves = [];
    for (const watcher of this.watchers) watcher.moved(moves);
  }
}

/** Anybody may publish on a channel: what is no event is passed over. */
function moveOf(text: string): Move | undefined {
  try {
    const { eval_id: id, queue, status: state } = JSON.parse(text) as Partial<TaskEvent>;
    return id === undefined || queue === undefined || state === undefined ? undefined : { id, queue, state };
  } catch {
    return undefined;
  }
}
