/** Examples of the OpenAPI document; test/e2e/docs.examples.test.ts runs them. */

export const WORKERS = {
  busy: {
    summary: 'A worker with one task',
    value: {
      workers: [
        {
          worker_id: 'worker-1',
          state: 'busy',
          status: 'active',
          quarantine: null,
          first_seen_at: '2030-01-31T12:00:02.000Z',
          last_seen_at: '2030-01-31T12:00:03.500Z',
          queues: ['gpu', 'default'],
          held_tasks: ['eval-2'],
          held: 1,
          completed: 1,
          failed: 0,
          lost: 0,
        },
      ],
    },
  },
};

export const DRAINED = {
  draining: {
    summary: 'A draining worker',
    value: { worker_id: 'worker-1', status: 'draining' },
  },
};

export const RESUMED = {
  active: { summary: 'An active worker', value: { worker_id: 'worker-1', status: 'active' } },
};

export const LEFT = {
  gone: {
    summary: 'A worker without tasks',
    value: {
      worker_id: 'worker-1',
      state: 'gone',
      status: 'active',
      quarantine: null,
      first_seen_at: '2030-01-31T12:00:02.000Z',
      last_seen_at: '2030-01-31T12:00:03.500Z',
      queues: ['default'],
      held_tasks: [],
      held: 0,
      completed: 1,
      failed: 1,
      lost: 0,
    },
  },
};
