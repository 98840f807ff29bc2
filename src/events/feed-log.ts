import { type EventFollower, EventLog, type EventPage, type PublishedEvent } from '../storage/event-log.js';
import type { TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import { toTaskEvent } from '../task/task-event.js';

/** The event log of a store with a single process. It reads the store's feed and keeps nothing itself. */
export class FeedLog extends EventLog {
  private follower: EventFollower | undefined;
  private latest: number;

  constructor(store: Pick<TaskStore, 'onCommit' | 'lastEventId'>) {
    super();
    this.latest = store.lastEventId ?? 0;
    store.onCommit((transitions) => {
      this.receive(transitions);
    });
  }

  async follow(follower: EventFollower): Promise<void> {
    this.follower = follower;
    follower.onStart(this.latest);
  }

  unfollow(): void {
    this.follower = undefined;
  }

  async past(): Promise<EventPage | undefined> {
    return undefined;
  }

  private receive(transitions: readonly CommittedTransition[]): void {
    this.latest = transitions.at(-1)?.id ?? this.latest;
    this.follower?.onEvents(transitions.map(publishedEvent));
  }
}

function publishedEvent(transition: CommittedTransition): PublishedEvent {
  const { id, type, task } = transition;
  const { id: evalId, queue } = task.spec;
  return { id, type, queue, evalId, text: JSON.stringify(toTaskEvent(transition, transition.id)) };
}
