import type { FactoryProvider, Type } from '@nestjs/common';
import { ArtifactsPane } from './artifacts.pane.js';
import { AttemptsPane } from './attempts.pane.js';
import { ErrorPane } from './error.pane.js';
import { FieldsPane } from './fields.pane.js';
import { HeadlinePane } from './headline.pane.js';
import { LogPane } from './log.pane.js';
import { OutputPane } from './output.pane.js';
import { PayloadPane } from './payload.pane.js';
import type { TaskPane } from './task-pane.js';

/** Rendered again after each transition of the task, from top to bottom. */
const LIVE: readonly Type<TaskPane>[] = [
  HeadlinePane,
  ErrorPane,
  AttemptsPane,
  FieldsPane,
  OutputPane,
  ArtifactsPane,
];

/** Rendered once per visit, below the others: content that never changes, and the log, which has its own stream. */
const STILL: readonly Type<TaskPane>[] = [LogPane, PayloadPane];

/** The panes of the task page. */
export class TaskPanes {
  constructor(
    readonly live: readonly TaskPane[],
    readonly still: readonly TaskPane[],
  ) {}
}

const taskPanes: FactoryProvider<TaskPanes> = {
  provide: TaskPanes,
  inject: [...LIVE, ...STILL],
  useFactory: (...panes: TaskPane[]) => new TaskPanes(panes.slice(0, LIVE.length), panes.slice(LIVE.length)),
};

/** A new pane needs only its place in one of the lists above. */
export const TASK_PANE_PROVIDERS = [...LIVE, ...STILL, taskPanes];
