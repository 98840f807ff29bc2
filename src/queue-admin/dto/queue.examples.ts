/** Examples of the OpenAPI document; test/e2e/docs.examples.test.ts runs them. */

const STATS = { ready: 1, leased: 0, delayed: 0, backlog: 1, oldest_ready_age_seconds: 0 };

const QUEUE = {
  queue: 'gpu',
  paused: false,
  max_depth: null,
  max_concurrency: null,
  max_concurrency_per_group: null,
  rate_limit: null,
  priority_ageing: null,
  outage_guard: { window: 60, min_attempts: 10, share: 0.8 },
  outage: null,
  stats: STATS,
};

const LIMITED = {
  ...QUEUE,
  max_depth: 10_000,
  max_concurrency_per_group: 4,
  rate_limit: { tasks: 10, per: 1 },
};

export const QUEUE_CHANGE = {
  requests: {
    limits: {
      summary: 'Some limits; null removes one',
      value: {
        max_depth: 10_000,
        max_concurrency: null,
        max_concurrency_per_group: 4,
        rate_limit: { tasks: 10, per: 1 },
      },
    },
  },
  answered: { limits: { summary: 'The queue with its new settings', value: LIMITED } },
};

export const QUEUE_SHOWN = { limits: { summary: 'A queue with limits', value: LIMITED } };

export const QUEUE_PAUSED = {
  paused: { summary: 'A paused queue', value: { ...LIMITED, paused: true } },
};

export const QUEUE_RESUMED = { resumed: { summary: 'A resumed queue', value: LIMITED } };

export const QUEUE_STATS = { waiting: { summary: 'One ready task', value: STATS } };

export const QUEUE_LIST = {
  two: {
    summary: 'Two queues',
    value: {
      queues: [{ ...QUEUE, queue: 'default', stats: { ...STATS, delayed: 1 } }, LIMITED],
    },
  },
};
