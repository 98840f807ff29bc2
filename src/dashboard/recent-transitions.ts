import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import type { TransitionSummary } from '../storage/transitions.js';
import type { Instant } from '../task/clock.js';

export interface RecentTransition extends TransitionSummary {
  /** When this process received the transition. */
  readonly at: Instant;
}

const KEPT = 200;

/** The latest transitions at the store, made by any process. */
@Injectable()
export class RecentTransitions implements OnModuleInit {
  private readonly slots: RecentTransition[] = [];
  private count = 0;

  constructor(private readonly store: TaskStore) {}

  onModuleInit(): void {
    this.store.watch({
      onTransitions: (transitions) => {
        const at = this.store.clock.now().wall;
        for (const { id, queue, state } of transitions) {
          this.slots[this.count % KEPT] = { id, queue, state, at };
          this.count += 1;
        }
      },
      // Missed transitions are not shown later.
      onGap: () => undefined,
    });
  }

  /** Newest first. */
  newest(limit: number, isVisible: (queue: string) => boolean): readonly RecentTransition[] {
    const found: RecentTransition[] = [];
    const oldest = Math.max(0, this.count - KEPT);
    for (let index = this.count - 1; index >= oldest && found.length < limit; index -= 1) {
      const transition = this.slots[index % KEPT];
      if (transition !== undefined && isVisible(transition.queue)) found.push(transition);
    }
    return found;
  }
}
