/** Examples of the OpenAPI document; test/e2e/docs.examples.test.ts runs them. */

const RUNNING = {
  batch_id: 'run-8',
  status: 'running',
  total: 1,
  pending: 1,
  counts: { delayed: 0, queued: 1, processing: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 },
  created_at: '2030-01-31T12:00:03.500Z',
  done_at: null,
  cancelled_at: null,
  callback_url: null,
  max_failures: null,
};

export const BATCH_LIST = {
  page: { summary: 'One batch', value: { batches: [RUNNING], next_cursor: null } },
};

export const BATCH_SHOWN = {
  running: { summary: 'A batch with one queued task', value: RUNNING },
};

export const BATCH_CANCEL = {
  requests: {
    reason: { summary: 'With a reason', value: { reason: 'The run was stopped' } },
  },
  cancelled: {
    reason: { summary: 'One task was cancelled', value: { batch_id: 'run-8', tasks_cancelled: 1 } },
  },
};

export const BATCH_REDRIVE = {
  requests: {
    failed: { summary: 'Failed tasks only', value: { outcome: 'failed' } },
  },
  redriven: {
    failed: { summary: 'One task was queued again', value: { batch_id: 'run-8', tasks_redriven: 1 } },
  },
};
