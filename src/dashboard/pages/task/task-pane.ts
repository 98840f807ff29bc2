import type { Principal } from '../../../auth/principal.js';
import type { PlacedTask } from '../../../queue/queue.service.js';
import type { Instant } from '../../../task/clock.js';
import type { Part } from '../../parts/html.js';

/** A task as one principal sees it. The principal has access to its queue. */
export interface TaskSight extends PlacedTask {
  readonly principal: Principal;
  readonly now: Instant;
  /** The service's address as the viewer's browser sees it; empty for live panes, whose rendering is shared. */
  readonly origin: string;
}

/**
 * One part of the task page. All viewers with the same roles and queues share the rendering of a live pane, so it must
 * not depend on anything else. A pane that has nothing to show returns `undefined`.
 */
export abstract class TaskPane {
  abstract render(sight: TaskSight): Part | Promise<Part>;
}
