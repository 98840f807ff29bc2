/** Examples of the OpenAPI document; test/e2e/docs.examples.test.ts plays them. */

const STATS = { ready: 1, leased: 0, delayed: 0, backlog: 1, oldest_ready_age_seconds: 0 };

const QUEUE = {
  queue: 'gpu',
  paused: false,
  max_depth: null,
  max_concurrency: null,
  max_concurrency_per_group: null,
  rate_limit: null,
  priority_ageing: null,
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
      summary: 'Some limits; null takes one away',
      value: {
        max_depth: 10_000,
        max_concurrency: null,
        max_concurrency_per_group: 4,
        rate_limit: { tasks: 10, per: 1 },
      },
    },
  },
  answered: { limits: { summary: 'The queue as it is now', value: LIMITED } },
};

export const QUEUE_SHOWN = { limits: { summary: 'A queue and what is set for it', value: LIMITED } };

export const QUEUE_PAUSED = {
  paused: { summary: 'It hands out nothing', value: { ...LIMITED, paused: true } },
};

export const QUEUE_RESUMED = { resumed: { summary: 'It hands out tasks again', value: LIMITED } };

export const QUEUE_STATS = { waiting: { summary: 'One task waits', value: STATS } };

export const QUEUE_LIST = {
  two: {
    summary: 'Every queue that has tasks or settings',
    value: {
      queues: [{ ...QUEUE, queue: 'default', stats: { ...STATS, delayed: 1 } }, LIMITED],
    },
  },
};
