import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type Move, TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';

export interface RecentMove extends Move {
  /** When this process received the transition. */
  readonly at: Instant;
}

const KEPT = 200;

/** The latest transitions at the store, made by any process. */
@Injectable()
export class RecentMoves implements OnModuleInit {
  private readonly slots: RecentMove[] = [];
  private count = 0;

  constructor(private readonly store: TaskStore) {}

  onModuleInit(): void {
    this.store.watch({
      moved: (moves) => {
        const at = this.store.clock.now().wall;
        for (const { id, queue, state } of moves) {
          this.slots[this.count % KEPT] = { id, queue, state, at };
          this.count += 1;
        }
      },
      // Missed transitions are not shown later.
      disturbed: () => undefined,
    });
  }

  /** Newest first. */
  newest(limit: number, isVisible: (queue: string) => boolean): readonly RecentMove[] {
    const found: RecentMove[] = [];
    const oldest = Math.max(0, this.count - KEPT);
    for (let index = this.count - 1; index >= oldest && found.length < limit; index -= 1) {
      const move = this.slots[index % KEPT];
      if (move !== undefined && isVisible(move.queue)) found.push(move);
    }
    return found;
  }
}
