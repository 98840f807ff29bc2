import type { Step } from '../../../task/task.machine.js';
import type { Task, TransitionType } from '../../../task/task.js';
import { toTaskEvent } from '../../../task/task-event.js';
import { addresseesOf } from '../../notice-rule.js';

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
