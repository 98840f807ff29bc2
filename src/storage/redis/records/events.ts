import type { Step } from '../../../task/task.machine.js';
import type { Task, TransitionType } from '../../../task/task.js';
import { toTaskEvent } from '../../../task/task-event.js';
import { addresseesOf } from '../../notice-rule.js';
import type { Committed } from '../../task-store.js';

export interface EventOptions {
  /** Events go to the channel `<prefix>:<type>`. */
  readonly channelPrefix: string;
  /** About as many entries are kept in the event stream of a queue. */
  readonly streamLength: number;
  /** What the address that the settings name hears of. */
  readonly noticeTypes?: ReadonlySet<TransitionType>;
}

const NO_TYPES: ReadonlySet<TransitionType> = new Set();

/** The channel of a transition, and behind a blank whom else to tell. */
export function channelArg(
  { channelPrefix, noticeTypes = NO_TYPES }: EventOptions,
  type: TransitionType,
  task?: Task,
): string {
  const addressees = addresseesOf(noticeTypes, type, task);
  const channel = `${channelPrefix}:${type}`;
  return addressees === '' ? channel : `${channel} ${addressees}`;
}

const ID_AT_FIRST = '{"id":0,';

/** The channel of a transition, and its event as JSON without the beginning: the script puts the id before it. */
export function eventArgs(step: Step, options: EventOptions): [channel: string, text: string] {
  const text = JSON.stringify(toTaskEvent(step, 0));
  return [channelArg(options, step.type, step.task), text.slice(ID_AT_FIRST.length)];
}

type Listener = (transitions: readonly Committed[]) => void;

/** Tells what this process committed. */
export class Feed {
  private readonly listeners: Listener[] = [];

  add(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** @param steps with the id that the script gave to the event of each */
  tell(steps: readonly (readonly [step: Step, id: string])[]): void {
    if (steps.length === 0) return;
    const transitions = steps.map(([{ task, type, at, ended }, id]) => ({
      task,
      type,
      at,
      ended,
      id: Number(id),
    }));
    for (const listener of this.listeners) listener(transitions);
  }
}
