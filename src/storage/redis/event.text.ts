import type { Step } from '../../task/task.machine.js';
import { toTaskEvent } from '../../task/task-event.js';

export interface EventOptions {
  /** Events go to the channel `<prefix>:<type>`. */
  readonly channelPrefix: string;
  /** About as many entries are kept in the event stream of a queue. */
  readonly streamLength: number;
}

/** The channel of a transition, and its event as JSON without the beginning: the script puts the id before it. */
export function eventArgs(step: Step, { channelPrefix }: EventOptions): [channel: string, text: string] {
  const event = { ...toTaskEvent({ ...step, id: 0 }), id: undefined };
  return [`${channelPrefix}:${step.type}`, JSON.stringify(event).slice(1)];
}
