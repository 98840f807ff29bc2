import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';

/** @throws ProblemError `forbidden` when the key lacks access to some queues, as the numbers cover all */
export function requireEveryQueue(principal: Principal): void {
  if (!mayUseQueue(principal, '*'))
    throw new ProblemError('forbidden', 'Use a key with access to all queues');
}
