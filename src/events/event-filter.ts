import type { PublishedEvent } from '../storage/event-log.js';
import type { TransitionType } from '../task/task.js';

/** Selects events; an absent field matches every event. */
export interface EventFilter {
  readonly queues?: readonly string[];
  readonly types?: readonly TransitionType[];
  readonly evalIds?: readonly string[];
}

export function matches({ queues, types, evalIds }: EventFilter, event: PublishedEvent): boolean {
  return (
    (queues?.includes(event.queue) ?? true) &&
    (types?.includes(event.type) ?? true) &&
    (evalIds?.includes(event.evalId) ?? true)
  );
}
