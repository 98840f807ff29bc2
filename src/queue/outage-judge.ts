import { Injectable } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { type Interruption, isOngoing, judgeOutage } from '../task/outage-guard.js';
import { guardOf, hasOutage } from '../task/queue-settings.js';
import { spare } from '../task/task.machine.js';
import type { ProcessingTask } from '../task/task.js';
import { EndingsBoard, LONGEST_WINDOW_MS } from './endings-board.js';
import { EndingsJudge } from './endings-judge.js';
import { SettingsCache } from './settings-cache.js';
import { TaskChanger } from './task-changer.js';

/**
 * Recognizes outages of queues and their ends, by the outage guard of each queue. The outage is a queue setting: every
 * process knows it, claims obey it, and it survives a restart. Several processes can judge at once. They see the same
 * endings and write the same.
 */
@Injectable()
export class OutageJudge extends EndingsJudge {
  constructor(
    private readonly store: TaskStore,
    private readonly board: EndingsBoard,
    private readonly settings: SettingsCache,
    private readonly changer: TaskChanger,
  ) {
    super(store.clock, 'Judging outages failed');
  }

  /** Whether interruptions in the queue spend no budget now. */
  isOutage(queue: string): boolean {
    return hasOutage(this.settings.of(queue));
  }

  /** Shares the endings, and judges every queue that had an interruption or is in an outage. */
  override async look(): Promise<void> {
    await this.board.share();
    await this.settings.known();
    const known = this.settings.queuesWith(({ outage }) => outage !== undefined);
    for (const queue of new Set([...this.board.suspectQueues(), ...known])) await this.judge(queue);
  }

  /** Judges the queues of these tasks before their lost leases are committed. */
  async beforeLoss(lost: readonly ProcessingTask[]): Promise<void> {
    if (lost.length === 0) return;
    await this.settings.known();
    const at = this.now;
    for (const queue of new Set(lost.map(({ spec }) => spec.queue))) {
      const ofQueue = lost.filter(({ spec }) => spec.queue === queue);
      const pending = ofQueue.map(({ spec, lease }) => ({ at, taskId: spec.id, workerId: lease.workerId }));
      await this.judge(queue, pending);
    }
  }

  private get now(): Instant {
    return this.store.clock.now().wall;
  }

  private async judge(queue: string, pending: readonly Interruption[] = []): Promise<void> {
    const settings = this.settings.of(queue);
    const { outage: before } = settings;
    const guard = guardOf(settings);
    if (guard === undefined) {
      if (before !== undefined) await this.store.settings.change(queue, { outage: null });
      return;
    }
    const { now } = this;
    const endings = this.board.endingsOf(queue, pending);
    const outage = judgeOutage(endings, guard, { before, now });
    if (outage === before) {
      // An old outage only keeps its endings from beginning another one.
      const isOld = before?.until !== undefined && now - before.until > LONGEST_WINDOW_MS;
      if (isOld) await this.store.settings.change(queue, { outage: null });
      return;
    }
    if (outage !== undefined && isOngoing(outage)) {
      this.logger.warn(
        `Queue ${queue} is in an outage: interruptions spend no budget, and the queue hands out one task a second`,
      );
      await this.giveBack(endings.interruptions, outage.since);
    } else this.logger.warn(`The outage of queue ${queue} is over`);
    await this.store.settings.change(queue, { outage });
    await this.settings.refresh();
  }

  /** Gives back the interruptions that were counted before the guard recognized the outage. */
  private async giveBack(interruptions: readonly Interruption[], since: Instant): Promise<void> {
    const ids = new Set(interruptions.filter(({ at }) => at >= since).map(({ taskId }) => taskId));
    await this.changer.changeAll(
      Array.from(ids, (id) => ({
        id,
        decide: (task) => {
          const spared = spare(task, since);
          return spared && { task: spared };
        },
      })),
      { inSteps: true },
    );
  }
}
