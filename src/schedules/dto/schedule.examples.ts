/** Examples of the OpenAPI document; test/e2e/docs.examples.test.ts runs them. */

const NIGHTLY = {
  schedule_id: 'nightly',
  cron: '0 3 * * *',
  timezone: 'Europe/Berlin',
  catch_up: 'one',
  task: { code: 'import report\nreport.run()', queue: 'reports', timeout: 600 },
};

const SHOWN = {
  schedule_id: 'nightly',
  cron: '0 3 * * *',
  timezone: 'Europe/Berlin',
  catch_up: 'one',
  paused: false,
  queue: 'reports',
  created_at: '2030-01-31T12:00:00.000Z',
  updated_at: '2030-01-31T12:00:00.000Z',
  last_due_at: null,
  last_eval_id: null,
  next_due_at: [
    '2030-02-01T02:00:00.000Z',
    '2030-02-02T02:00:00.000Z',
    '2030-02-03T02:00:00.000Z',
    '2030-02-04T02:00:00.000Z',
    '2030-02-05T02:00:00.000Z',
  ],
};

const PAUSED = { ...SHOWN, paused: true, next_due_at: [] };

export const SCHEDULE_PUT = {
  requests: {
    nightly: {
      summary: 'Daily at three in Berlin, and once after missed nights',
      value: NIGHTLY,
    },
    paused: { summary: 'The same, paused', value: { ...NIGHTLY, paused: true } },
  },
  created: { nightly: { summary: 'A new schedule', value: { ...SHOWN, task: NIGHTLY.task } } },
  changed: { paused: { summary: 'The queue is paused', value: { ...PAUSED, task: NIGHTLY.task } } },
};

export const SCHEDULE_LIST = {
  page: { summary: 'One schedule', value: { schedules: [SHOWN], next_cursor: null } },
};

export const SCHEDULE_SHOWN = {
  nightly: { summary: 'A schedule and its task', value: { ...SHOWN, task: NIGHTLY.task } },
};

export const SCHEDULE_REMOVED = {
  deleted: { summary: 'The schedule is deleted', value: { schedule_id: 'nightly', status: 'deleted' } },
};
