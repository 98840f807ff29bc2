import { once } from 'node:events';
import type { Cluster, Redis } from 'ioredis';
import { TASK_STATES } from '../../task/task-state.js';
import type { Move, StoreWatcher } from '../task-store.js';

export interface MoveWatchOptions {
  /** The channel on which every script tells what it has moved. */
  readonly moves: string;
  /** The channel on which every clear is told, with its number. */
  readonly clears: string;
  /** The channel on which every change of what is set for a queue is told, with its name. */
  readonly settings: string;
  readonly onClear: (generation: number) => void;
}

/**
 * Hears what the scripts of all processes have moved. A subscription has no memory: after it was lost and is
 * there again the watchers are told that moves may be missing.
 */
export class MoveWatch {
  private readonly watchers: StoreWatcher[] = [];
  private readonly channels: readonly string[];
  private isClosed = false;

  constructor(
    private readonly subscriber: Redis | Cluster,
    { moves, clears, settings, onClear }: MoveWatchOptions,
  ) {
    this.channels = [moves, clears, settings];
    subscriber.on('message', (channel: string, text: string) => {
      if (channel === moves) this.tell(text);
      else if (channel === settings) this.loosen(text);
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

  private tell(text: string): void {
    const moves = movesOf(text.split('\n'));
    if (moves.length === 0 || this.isClosed) return;
    for (const watcher of this.watchers) watcher.moved(moves);
  }
}

/** Three lines a move. Anybody may publish on a channel: what is no move is passed over. */
function movesOf(lines: readonly string[]): readonly Move[] {
  const moves: Move[] = [];
  for (let at = 0; at < lines.length; at += 3) {
    const [queue = '', name, id] = lines.slice(at, at + 3);
    const state = TASK_STATES.find((each) => each === name);
    if (state !== undefined && id !== undefined) moves.push({ id, queue, state });
  }
  return moves;
}
