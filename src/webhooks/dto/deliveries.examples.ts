const DELIVERY = {
  delivery_id: 'evt_4715_6b86b273_task',
  message_id: 'evt_4715_6b86b273',
  status: 'pending',
  url: 'https://example.org/hooks/eval',
  attempts: 2,
  created_at: '2026-11-24T04:02:41.962Z',
  next_attempt_at: '2026-11-24T04:02:53.298Z',
  gives_up_at: '2026-11-25T04:02:41.962Z',
  ended_at: null,
  last_status: 503,
  last_error: null,
  last_answer: 'upstream is restarting\n',
  event: {
    id: 4715,
    type: 'completed',
    eval_id: 'eval-1',
    queue: 'default',
    status: 'completed',
    sequence: 3,
    timestamp: '2026-11-24T04:02:41.960Z',
    attempt: 1,
    worker_id: 'w1',
  },
};

export const DELIVERIES = {
  page: { summary: 'One delivery, to be retried', value: { deliveries: [DELIVERY], next_cursor: null } },
};

export const REDELIVERY = {
  again: {
    summary: 'The delivery is retried',
    value: { delivery_id: DELIVERY.delivery_id, status: 'pending' },
  },
};
