import type { Subscription, SubscriptionOptions } from '../../../redis/subscription.js';
import { TASK_STATES } from '../../../task/task-state.js';
import { StoreUnavailable } from '../../task-store.js';
import type { TransitionSummary, TransitionWatcher } from '../../transitions.js';

/** Milliseconds. Redis normally accepts a subscription at once, but some nodes of a Cluster may be unavailable. */
const START_LIMIT_MS = 30_000;

export interface TransitionFeedOptions {
  /** Channel on which every script publishes its transitions. */
  readonly transitions: string;
  /** Channel of all clears. A message is the new generation. */
  readonly clears: string;
  /** Channel of all changes of queue settings. A message is the name of the queue. */
  readonly settings: string;
  /** A channel of this process only. */
  readonly echo: string;
  /** A subscription to this channel shows other processes that this one supports clear marks, see `OlderProcesses`. */
  readonly marks: string;
  readonly onClear: (generation: number) => void;
}

/**
 * Receives the transitions of all processes and passes them to watchers. Redis does not keep messages for a lost
 * subscription, so the feed reports a gap when the subscription is back.
 */
export class TransitionFeed {
  private readonly watchers: TransitionWatcher[] = [];
  private readonly subscription: Subscription;
  private isClosed = false;

  constructor(
    subscribe: (options: SubscriptionOptions) => Subscription,
    { transitions, clears, settings, marks, echo, onClear }: TransitionFeedOptions,
  ) {
    this.subscription = subscribe({
      channels: [transitions, marks, clears, settings],
      echoChannel: echo,
      onMessage: (channel, text) => {
        if (channel === transitions) this.publish(text);
        else if (channel === settings) this.reportRelaxedLimits(text);
        else if (channel === clears) {
          onClear(Number(text));
          this.reportRelaxedLimits(undefined);
        }
      },
      onDoubt: () => {
        this.reportGap();
      },
    });
  }

  /** Whether the subscription is active, so that no transition is missed. */
  get isComplete(): boolean {
    return this.subscription.isHealthy;
  }

  /** Resolves when the subscription is active. @throws StoreUnavailable when this takes too long */
  async start(): Promise<void> {
    if (await this.subscription.ready(START_LIMIT_MS)) return;
    throw new StoreUnavailable(`Redis takes no subscription: ${this.subscription.trouble}`, false);
  }

  add(watcher: TransitionWatcher): void {
    this.watchers.push(watcher);
  }

  reportGap(): void {
    if (this.isClosed) return;
    for (const watcher of this.watchers) watcher.onGap();
  }

  /** A limit of this queue, or of any queue, may allow more now. */
  private reportRelaxedLimits(queue: string | undefined): void {
    if (this.isClosed) return;
    for (const watcher of this.watchers) watcher.onLimitsRelaxed?.(queue);
  }

  close(): void {
    this.isClosed = true;
  }

  private publish(text: string): void {
    const transitions = transitionsOf(text.split('\n'));
    if (transitions.length === 0 || this.isClosed) return;
    for (const watcher of this.watchers) watcher.onTransitions(transitions);
  }
}

/** Three lines for each transition. Other clients of Redis can publish here too, so invalid lines are skipped. */
function transitionsOf(lines: readonly string[]): readonly TransitionSummary[] {
  const transitions: TransitionSummary[] = [];
  for (let at = 0; at < lines.length; at += 3) {
    const [queue = '', name, id] = lines.slice(at, at + 3);
    const state = TASK_STATES.find((each) => each === name);
    if (state !== undefined && id !== undefined) transitions.push({ id, queue, state });
  }
  return transitions;
}
