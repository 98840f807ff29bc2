import type { Transition } from '../../../task/task.machine.js';
import type { Task, TransitionType } from '../../../task/task.js';
import { toTaskEvent } from '../../../task/task-event.js';
import { addresseesOf } from '../../webhook-addresses.js';
import type { CommittedTransition } from '../../transitions.js';

export interface EventOptions {
  /** Events go to the channel `<prefix>:<type>`. */
  readonly channelPrefix: string;
  /** About how many entries the event stream of a queue keeps. */
  readonly streamLength: number;
  /** Transitions that write an outbox entry for the webhook address from the settings. */
  readonly webhookTypes?: ReadonlySet<TransitionType>;
}

const NO_TYPES: ReadonlySet<TransitionType> = new Set();

/** The channel of a transition and, after a blank, its webhook addresses. */
export function channelArg(
  { channelPrefix, webhookTypes = NO_TYPES }: EventOptions,
  type: TransitionType,
  task?: Task,
): string {
  const addressees = addresseesOf(webhookTypes, type, task);
  const channel = `${channelPrefix}:${type}`;
  return addressees === '' ? channel : `${channel} ${addressees}`;
}

const ID_AT_FIRST = '{"id":0,';

/** The channel of a transition, and its event as JSON without the beginning. The script adds the id. */
export function eventArgs(transition: Transition, options: EventOptions): [channel: string, text: string] {
  const text = JSON.stringify(toTaskEvent(transition, 0));
  return [channelArg(options, transition.type, transition.task), text.slice(ID_AT_FIRST.length)];
}

type Listener = (transitions: readonly CommittedTransition[]) => void;

/** Passes the transitions that this process committed to its listeners. */
export class CommitFeed {
  private readonly listeners: Listener[] = [];

  add(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** @param written the transitions, each with the id that the script gave to its event */
  publish(written: readonly (readonly [transition: Transition, id: string])[]): void {
    if (written.length === 0) return;
    const transitions = written.map(([{ task, type, at, ended }, id]) => ({
      task,
      type,
      at,
      ended,
      id: Number(id),
    }));
    for (const listener of this.listeners) listener(transitions);
  }
}
