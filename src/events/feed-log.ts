import { type EventFollower, EventLog, type EventPage, type LoggedEvent } from '../storage/event-log.js';
import type { Committed, TaskStore } from '../storage/task-store.js';
import { toTaskEvent } from '../task/task-event.js';

/** The event log of a store with a single process. It reads the store's feed and keeps nothing itself. */
export class FeedLog extends EventLog {
  private follower: EventFollower | undefined;
  private latest: number;

  constructor(store: Pick<TaskStore, 'onCommit' | 'lastEventId'>) {
    super();
    this.latest = store.lastEventId ?? 0;
    store.onCommit((transitions) => {
      this.hear(transitions);
    });
  }

  async follow(follower: EventFollower): Promise<void> {
    this.follower = follower;
    follower.begins(this.latest);
  }

  unfollow(): void {
    this.follower = undefined;
  }

  async past(): Promise<EventPage | undefined> {
    return undefined;
  }

  private hear(transitions: readonly Committed[]): void {
    this.latest = transitions.at(-1)?.id ?? this.latest;
    this.follower?.told(transitions.map(loggedEvent));
  }
}

function loggedEvent(transition: Committed): LoggedEvent {
  const { id, type, task } = transition;
  const { id: evalId, queue } = task.spec;
  return { id, type, queue, evalId, text: JSON.stringify(toTaskEvent(transition, transition.id)) };
}
