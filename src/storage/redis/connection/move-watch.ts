import type { Subscription, SubscriptionOptions } from '../../../redis/subscription.js';
import { TASK_STATES } from '../../../task/task-state.js';
import { type Move, StoreUnavailable, type StoreWatcher } from '../../task-store.js';

/** A Redis that is there takes a subscription at once; of a Cluster, some nodes may be silent. */
const START_LIMIT_MS = 30_000;

export interface MoveWatchOptions {
  /** The channel on which every script tells what it has moved. */
  readonly moves: string;
  /** The channel on which every clear is told, with its number. */
  readonly clears: string;
  /** The channel on which every change of what is set for a queue is told, with its name. */
  readonly settings: string;
  /** A channel of this process alone. */
  readonly echo: string;
  /** A channel that says by who listens that this process knows marks, see `OlderProcesses`. */
  readonly marks: string;
  readonly onClear: (generation: number) => void;
}

/**
 * Hears what the scripts of all processes have moved. A subscription has no memory: after it was lost and is
 * there again the watchers are told that moves may be missing.
 */
export class MoveWatch {
  private readonly watchers: StoreWatcher[] = [];
  private readonly subscription: Subscription;
  private isClosed = false;

  constructor(
    subscribe: (options: SubscriptionOptions) => Subscription,
    { moves, clears, settings, marks, echo, onClear }: MoveWatchOptions,
  ) {
    this.subscription = subscribe({
      channels: [moves, marks, clears, settings],
      echoChannel: echo,
      onMessage: (channel, text) => {
        if (channel === moves) this.tell(text);
        else if (channel === settings) this.loosen(text);
        else if (channel === clears) {
          onClear(Number(text));
          this.loosen(undefined);
        }
      },
      onDoubt: () => {
        this.disturb();
      },
    });
  }

  /** Whether moves are told. */
  get isWell(): boolean {
    return this.subscription.isWell;
  }

  /** Resolves when moves are told. @throws StoreUnavailable when they are not in time */
  async start(): Promise<void> {
    if (await this.subscription.ready(START_LIMIT_MS)) return;
    throw new StoreUnavailable(`Redis takes no subscription: ${this.subscription.trouble}`, false);
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
