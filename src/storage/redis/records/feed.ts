import type { Step } from '../../../task/task.machine.js';
import type { Committed } from '../../task-store.js';

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
