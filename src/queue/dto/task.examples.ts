import { LEASE_EXAMPLE } from './field-docs.js';

/**
 * The examples of the OpenAPI document. They form one sequence of requests; test/e2e/docs.examples.test.ts runs it and
 * compares every response.
 */

const NOON = '2030-01-31T12:00:00.000Z';
const CLAIMED_AT = '2030-01-31T12:00:02.000Z';
const ENDED_AT = '2030-01-31T12:00:03.500Z';

const SMALLEST = { eval_id: 'eval-1', code: 'print(6 * 7)' };

const FULL = {
  eval_id: 'eval-2',
  code: 'import train\ntrain.run()',
  language: 'python',
  engine: 'docker',
  timeout: 600,
  priority: 5,
  queue: 'gpu',
  metadata: { user: 'u-7' },
  ttl: 3600,
  max_attempts: 3,
  max_interruptions: 3,
  backoff: { type: 'exponential', delay: 2, max_delay: 60, jitter: 0.1 },
  group: 'team-a',
  requires: { gpu: 'a100' },
  batch_id: 'run-7',
  callback_url: 'https://example.org/hooks/eval?token=s3cret',
};

const LATER = { eval_id: 'eval-3', code: 'print(6 * 7)', delay: 3600 };

const QUEUED = {
  eval_id: 'eval-1',
  status: 'queued',
  position: 1,
  queue: 'default',
  priority: 1,
  queued_at: NOON,
  run_at: null,
  message: 'Task is queued at position 1',
};

const DELAYED = {
  ...QUEUED,
  eval_id: 'eval-3',
  status: 'delayed',
  position: null,
  run_at: '2030-01-31T13:00:00.000Z',
  message: 'Task waits until 2030-01-31T13:00:00.000Z',
};

/** A listed task before its first attempt. */
const FRESH = {
  language: 'python',
  engine: 'docker',
  timeout: 30,
  group: null,
  requires: null,
  batch_id: null,
  callback_url: null,
  attempt: 0,
  max_attempts: 1,
  failures: 0,
  max_interruptions: 3,
  interruptions: 0,
  interruptions_spared: 0,
  ready_at: null,
  expires_at: null,
  deadline_at: null,
  started_at: null,
  finished_at: null,
  worker_id: null,
  lease_expires_at: null,
  progress: null,
  outcome: null,
  error: null,
  exit_code: null,
  cause: null,
  checkpoint_attempt: null,
  sequence: 1,
};

const PROCESSING = {
  ...QUEUED,
  ...FRESH,
  status: 'processing',
  position: null,
  message: 'Task is being processed, attempt 1',
  attempt: 1,
  ready_at: NOON,
  started_at: CLAIMED_AT,
  worker_id: 'worker-1',
  lease_expires_at: '2030-01-31T12:01:02.000Z',
  progress: { percent: 40, message: 'test 4 of 10' },
  sequence: 2,
};

const COMPLETED = {
  ...PROCESSING,
  status: 'completed',
  message: 'Task is completed',
  ready_at: null,
  finished_at: ENDED_AT,
  lease_expires_at: null,
  progress: null,
  outcome: 'completed',
  sequence: 3,
};

export const ENQUEUE = {
  requests: {
    smallest: { summary: 'Required fields only', value: SMALLEST },
    full: { summary: 'Another queue, with retries', value: FULL },
    later: { summary: 'Delayed by an hour', value: LATER },
  },
  created: {
    smallest: { summary: 'First in the queue', value: QUEUED },
    full: {
      summary: 'Another queue',
      value: { ...QUEUED, eval_id: 'eval-2', queue: 'gpu', priority: 5 },
    },
    later: { summary: 'Delayed', value: DELAYED },
  },
  replayed: { smallest: { summary: 'A repeated enqueue', value: QUEUED } },
};

export const LIST = {
  page: {
    summary: 'One task, and the cursor of the next page',
    value: {
      tasks: [{ ...DELAYED, ...FRESH }],
      next_cursor: '3-Q8cpsi',
    },
  },
};

export const FIND = {
  queued: {
    summary: 'A queued task',
    value: {
      ...QUEUED,
      ...FRESH,
      eval_id: 'eval-2',
      queue: 'gpu',
      priority: 5,
      timeout: 600,
      group: 'team-a',
      requires: { gpu: 'a100' },
      batch_id: 'run-7',
      callback_url: 'https://example.org/hooks/eval',
      max_attempts: 3,
      ready_at: NOON,
      expires_at: '2030-01-31T13:00:00.000Z',
      metadata: { user: 'u-7' },
    },
  },
  processing: { summary: 'A task in processing', value: PROCESSING },
  completed: { summary: 'The task has ended', value: COMPLETED },
};

export const ATTEMPTS = {
  completed: {
    summary: 'One attempt',
    value: {
      eval_id: 'eval-1',
      attempts: [
        {
          attempt: 1,
          worker_id: 'worker-1',
          started_at: CLAIMED_AT,
          ended_at: ENDED_AT,
          outcome: 'completed',
          error: null,
          exit_code: null,
          cause: null,
          progress: { percent: 40, message: 'test 4 of 10' },
          is_spared: false,
        },
      ],
    },
  },
};

export const OUTPUT = { completed: { summary: 'The output', value: { stdout: '42\n' } } };

export const REMOVED = {
  deleted: { summary: 'The task is deleted', value: { eval_id: 'eval-1', status: 'deleted' } },
};

export const CLEARED = {
  cleared: { summary: 'Three tasks were removed', value: { status: 'cleared', tasks_removed: 3 } },
};

const CLAIMED = {
  eval_id: 'eval-1',
  status: 'processing',
  language: 'python',
  engine: 'docker',
  timeout: 30,
  priority: 1,
  queue: 'default',
  queued_at: NOON,
  group: null,
  requires: null,
  batch_id: null,
  attempt: 1,
  max_attempts: 1,
  max_interruptions: 3,
  worker_id: 'worker-1',
  lease_id: LEASE_EXAMPLE,
  lease_expires_at: '2030-01-31T12:01:02.000Z',
  heartbeat_interval: 20,
  deadline_at: null,
  traceparent: null,
  checkpoint: null,
  checkpoint_attempt: null,
  metadata: null,
  code: 'print(6 * 7)',
};

export const CLAIM_NEXT = {
  task: { summary: 'A claimed task', value: CLAIMED },
  nothing: { summary: 'No task is ready', value: null },
};

export const CLAIM = {
  requests: {
    patient: {
      summary: 'Up to two tasks, waiting for the first',
      value: {
        worker_id: 'worker-1',
        queues: ['gpu', 'default'],
        max_tasks: 2,
        wait: 20,
        labels: { gpu: 'a100' },
      },
    },
  },
  claimed: {
    patient: {
      summary: 'One task was ready',
      value: {
        tasks: [
          {
            ...CLAIMED,
            eval_id: 'eval-2',
            timeout: 600,
            priority: 5,
            queue: 'gpu',
            group: 'team-a',
            requires: { gpu: 'a100' },
            batch_id: 'run-7',
            max_attempts: 3,
            lease_expires_at: '2030-01-31T12:10:33.500Z',
            heartbeat_interval: 210,
            metadata: { user: 'u-7' },
            code: 'import train\ntrain.run()',
          },
        ],
      },
    },
    nothing: { summary: 'No task was ready in time', value: { tasks: [] } },
  },
};

export const HEARTBEAT = {
  requests: {
    progress: {
      summary: 'With progress',
      value: { lease_id: LEASE_EXAMPLE, progress: { percent: 40, message: 'test 4 of 10' } },
    },
  },
  kept: {
    progress: {
      summary: 'The lease is extended',
      value: { lease_expires_at: '2030-01-31T12:01:02.000Z', command: null, heartbeat_interval: 20 },
    },
  },
};

export const COMPLETE = {
  requests: {
    output: { summary: 'With an output', value: { lease_id: LEASE_EXAMPLE, output: { stdout: '42\n' } } },
  },
  finished: { output: { summary: 'The task has ended', value: { eval_id: 'eval-1', status: 'completed' } } },
};

export const FAIL = {
  requests: {
    retry: {
      summary: 'A failure with retry',
      value: { lease_id: LEASE_EXAMPLE, error: 'CUDA out of memory', exit_code: 1, cause: 'oom' },
    },
    final: {
      summary: 'A failure without retry',
      value: { lease_id: LEASE_EXAMPLE, error: 'SyntaxError: invalid syntax', retryable: false },
    },
  },
  finished: {
    retry: {
      summary: 'The task waits for its next attempt',
      value: { eval_id: 'eval-2', status: 'delayed' },
    },
    final: { summary: 'The task is a dead letter', value: { eval_id: 'eval-4', status: 'failed' } },
  },
};

export const RELEASE = {
  requests: {
    shutdown: {
      summary: 'The worker is shutting down',
      value: { lease_id: LEASE_EXAMPLE, reason: 'worker-1 stops' },
    },
  },
  released: {
    shutdown: { summary: 'The task is queued again', value: { eval_id: 'eval-4', status: 'queued' } },
  },
};
