import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import { History } from './history.js';
import { TaskMetrics } from './task-metrics.js';
import { Timeline } from './timeline.js';

/** Passes committed transitions to the metrics, the timeline and the history. */
@Injectable()
export class MetricsFeed implements OnModuleInit {
  constructor(
    private readonly store: TaskStore,
    private readonly tasks: TaskMetrics,
    private readonly timeline: Timeline,
    private readonly history: History,
  ) {}

  onModuleInit(): void {
    this.store.onCommit((transitions) => {
      for (const transition of transitions) this.tasks.record(transition);
      this.timeline.record(transitions);
      this.history.record(transitions);
    });
  }
}
