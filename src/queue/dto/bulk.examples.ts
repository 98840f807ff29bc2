import { problemType } from '../../http/problem-writer.js';
import { PROBLEMS } from '../../http/problems.js';
import { LEASE_EXAMPLE } from './field-docs.js';

/** Examples of bulk requests, cancel, redrive and health checks. They continue the sequence of task.examples.ts. */

const REFUSED = {
  type: problemType('conflict'),
  title: PROBLEMS.conflict.title,
  status: PROBLEMS.conflict.status,
  detail: 'Task eval-2 exists with other content; use another eval_id for new work',
  code: 'conflict',
};

const LOST = {
  reason: 'reassigned',
  type: problemType('lease_lost'),
  title: PROBLEMS.lease_lost.title,
  status: PROBLEMS.lease_lost.status,
  detail: 'The lease on task eval-11 has ended (reassigned); stop the work',
  code: 'lease_lost',
};

export const ENQUEUE_ALL = {
  requests: {
    document: {
      summary: 'One JSON document',
      value: {
        batch_id: 'run-8',
        tasks: [
          { eval_id: 'eval-10', code: 'print(1)' },
          { eval_id: 'eval-2', code: 'print(2)' },
        ],
      },
    },
    lines: {
      summary: 'One task per line',
      value:
        '{"eval_id":"eval-11","code":"print(2)","batch_id":"run-8"}\n' +
        '{"eval_id":"eval-12","code":"print(3)","batch_id":"run-8"}\n',
    },
  },
  answered: {
    document: {
      summary: 'One task accepted, one refused',
      value: {
        batch_id: 'run-8',
        accepted: 1,
        rejected: 1,
        results: [
          { index: 0, eval_id: 'eval-10', status: 'queued', position: 1 },
          { index: 1, problem: REFUSED },
        ],
      },
    },
  },
};

export const HEARTBEAT_ALL = {
  requests: {
    two: {
      summary: 'All leases of the worker',
      value: {
        worker_id: 'worker-1',
        leases: [
          {
            eval_id: 'eval-10',
            lease_id: LEASE_EXAMPLE,
            progress: { percent: 40 },
            checkpoint: { step: 17 },
          },
          { eval_id: 'eval-11', lease_id: '0-0000000000000000000000000' },
        ],
      },
    },
  },
  answered: {
    two: {
      summary: 'One lease extended, one lost',
      value: {
        results: [
          {
            eval_id: 'eval-10',
            index: 0,
            lease_expires_at: '2030-01-31T12:01:03.500Z',
            command: null,
            heartbeat_interval: 20,
          },
          { eval_id: 'eval-11', index: 1, problem: LOST },
        ],
      },
    },
  },
};

export const FINISH_ALL = {
  requests: {
    two: {
      summary: 'Two results, and a claim of the next task',
      value: {
        results: [
          { eval_id: 'eval-10', lease_id: LEASE_EXAMPLE, status: 'completed', output: { stdout: '1\n' } },
          {
            eval_id: 'eval-11',
            lease_id: LEASE_EXAMPLE,
            status: 'failed',
            error: 'exit code 1',
            exit_code: 1,
          },
        ],
        claim: { worker_id: 'worker-1' },
      },
    },
  },
  answered: {
    two: {
      summary: 'Both tasks have ended, and no other task was ready',
      value: {
        results: [
          { index: 0, eval_id: 'eval-10', status: 'completed' },
          { index: 1, eval_id: 'eval-11', status: 'failed' },
        ],
        tasks: [],
      },
    },
  },
};

export const CANCEL = {
  requests: { reason: { summary: 'With a reason', value: { reason: 'superseded by eval-5' } } },
  cancelled: {
    reason: { summary: 'The task has ended', value: { eval_id: 'eval-4', status: 'cancelled' } },
  },
};

export const REPRIORITIZE = {
  requests: { urgent: { summary: 'The task goes before others', value: { priority: 9 } } },
  changed: {
    urgent: {
      summary: 'The task is the next one',
      value: {
        eval_id: 'eval-4',
        status: 'queued',
        position: 1,
        queue: 'default',
        priority: 9,
        queued_at: '2030-01-31T12:00:03.500Z',
        run_at: null,
        message: 'Task is queued at position 1',
      },
    },
  },
};

export const REDRIVE_ONE = {
  requests: {
    redriven: { summary: 'Its next attempt gets the checkpoint', value: {} },
  },
  queued: {
    redriven: {
      summary: 'The task is queued again with fresh budgets',
      value: {
        eval_id: 'eval-4',
        status: 'queued',
        position: 1,
        queue: 'default',
        priority: 1,
        queued_at: '2030-01-31T12:00:03.500Z',
        run_at: null,
        message: 'Task is queued at position 1',
      },
    },
  },
};

export const REDRIVE_ALL = {
  requests: {
    failed: {
      summary: 'The dead letters of one queue',
      value: { status: 'failed', queue: 'default', limit: 100 },
    },
  },
  redriven: {
    failed: { summary: 'One task was queued again', value: { status: 'redriven', tasks_redriven: 1 } },
  },
};

const COUNTS = {
  delayed: 0,
  queued: 0,
  processing: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  expired: 0,
  oldest_queued_age: null,
};

export const STATUS = {
  busy: {
    summary: 'Two queues',
    value: {
      ...COUNTS,
      delayed: 1,
      queued: 1,
      completed: 1,
      oldest_queued_age: 3.5,
      queue_length: 1,
      total_tasks: 3,
      queues: {
        default: { ...COUNTS, delayed: 1, completed: 1 },
        gpu: { ...COUNTS, queued: 1, oldest_queued_age: 3.5 },
      },
    },
  },
};
