import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';

/** @throws ProblemError `forbidden` when the key is for some queues only: the numbers are of all of them */
export function requireEveryQueue(principal: Principal): void {
  if (!mayUseQueue(principal, '*'))
    throw new ProblemError('forbidden', 'Use a key with access to all queues');
}
