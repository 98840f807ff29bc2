/** Examples of the OpenAPI document; test/e2e/docs.examples.test.ts plays them. */

const STATS = { ready: 1, leased: 0, delayed: 0, backlog: 1, oldest_ready_age_seconds: 0 };
const GPU = { queue: 'gpu', stats: STATS };

export const QUEUE_SHOWN = { waiting: { summary: 'A queue', value: GPU } };

export const QUEUE_STATS = { waiting: { summary: 'One task waits', value: STATS } };

export const QUEUE_LIST = {
  two: {
    summary: 'Every queue that has tasks',
    value: { queues: [{ queue: 'default', stats: { ...STATS, delayed: 1 } }, GPU] },
  },
};
