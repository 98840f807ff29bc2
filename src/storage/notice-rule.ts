import { type Task, type TransitionType } from '../task/task.js';
import { isFinalState } from '../task/task-state.js';

/** What `to` of a notice says of the address that the settings name. */
export const OWN_ADDRESS = '*';

/**
 * Whom a transition has to be told: addresses with a blank between them, empty for nobody. The address of a task hears
 * of its end.
 *
 * @param types what the address that the settings name hears of; empty when they name none
 */
export function addresseesOf(
  types: ReadonlySet<TransitionType>,
  type: TransitionType,
  task?: Pick<Task, 'spec' | 'state'>,
): string {
  const own = types.has(type) ? OWN_ADDRESS : '';
  const callback = task?.spec.callbackUrl;
  if (task === undefined || callback === undefined || !isFinalState(task.state)) return own;
  return own === '' ? callback : `${own} ${callback}`;
}
