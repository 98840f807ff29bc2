import {
  LeaseLost,
  LeaseRequired,
  NotClaimed,
  NotRedrivable,
  TaskConflict,
  TaskEnded,
  TaskError,
  TaskNotFinished,
  TaskNotFound,
} from '../../../src/task/task.errors.js';

const CASES: [TaskError, string, string, RegExp][] = [
  [
    new TaskNotFound('t-1'),
    'TaskNotFound',
    'task_not_found',
    /no task t-1; .*never enqueued.*removed.*retention/,
  ],
  [new TaskConflict('t-1'), 'TaskConflict', 'conflict', /t-1 exists with other content; use another eval_id/],
  [new NotClaimed('t-1'), 'NotClaimed', 'not_claimed', /t-1 was never claimed.*claim it before/],
  [new LeaseLost('t-1', 'cancelled'), 'LeaseLost', 'lease_lost', /t-1 .*\(cancelled\); stop the work/],
  [new LeaseRequired('t-1'), 'LeaseRequired', 'lease_required', /t-1 .*only be finished with the lease_id/],
  [new TaskEnded('t-1', 'expired'), 'TaskEnded', 'task_ended', /t-1 has already ended as expired/],
  [new TaskNotFinished('t-1', 'queued'), 'TaskNotFinished', 'not_finished', /t-1 is queued; cancel it first/],
  [
    new NotRedrivable('t-1', 'completed'),
    'NotRedrivable',
    'not_redrivable',
    /t-1 is completed; only failed, expired/,
  ],
];

describe('the errors of the life cycle', () => {
  it.each(CASES.map(([error, name, code, message]) => ({ error, name, code, message })))(
    '$name has a stable code and says what and which',
    ({ error, name, code, message }) => {
      expect(error).toBeInstanceOf(TaskError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(name);
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
    },
  );

  it('do not repeat an id that no task can have', () => {
    expect(new TaskNotFound().message).toMatch(/^There is no such task; it was never enqueued/);
  });

  it('say why a lease was lost', () => {
    expect(new LeaseLost('t-1', 'reassigned').reason).toBe('reassigned');
  });
});
