import { PROBLEM_GUIDE } from '../../../src/http/problem-guide.js';
import {
  LeaseLost,
  NotClaimed,
  NotRedrivable,
  TaskConflict,
  TaskEnded,
  TaskNotFinished,
  TaskNotFound,
} from '../../../src/task/task.errors.js';

describe('PROBLEM_GUIDE', () => {
  it.each([
    new TaskNotFound('eval-1'),
    new TaskConflict('eval-1'),
    new NotClaimed('eval-1'),
    new LeaseLost('eval-1', 'reassigned'),
    new TaskEnded('eval-1', 'completed'),
    new TaskNotFinished('eval-1', 'processing'),
    new NotRedrivable('eval-1', 'completed'),
  ])('quotes the domain: $code', ({ code, message }) => {
    expect(PROBLEM_GUIDE[code].detail).toBe(message);
  });
});
