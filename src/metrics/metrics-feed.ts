import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import { TaskMetrics } from './task-metrics.js';
import { Timeline } from './timeline.js';

/** Passes committed transitions to the metrics and the timeline. */
@Injectable()
export class MetricsFeed implements OnModuleInit {
  constructor(
    private readonly store: TaskStore,
    private readonly tasks: TaskMetrics,
    private readonly timeline: Timeline,
  ) {}

  onModuleInit(): void {
    this.store.onCommit((transitions) => {
      for (const transition of transitions) this.tasks.record(transition);
      this.timeline.record(transitions);
    });
  }
}
