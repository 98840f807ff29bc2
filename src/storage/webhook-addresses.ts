import { type Task, type TransitionType } from '../task/task.js';
import { isFinalState } from '../task/task-state.js';

/** The entry in a notice's `to` that means the webhook address from the settings. */
export const OWN_ADDRESS = '*';

/**
 * The webhook addresses of a transition, separated by spaces; empty for none. A task's `callback_url` receives only the
 * end of the task.
 *
 * @param types transitions for the address from the settings; empty when the settings name none
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
