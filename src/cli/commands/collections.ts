import type { Context } from '../context.js';

type Row = Readonly<Record<string, unknown>>;

const WORKERS = {
  WORKER: (row: Row) => row.worker_id,
  STATUS: (row: Row) => row.status,
  QUEUES: (row: Row) => (Array.isArray(row.queues) ? row.queues.join(',') : row.queues),
  HOLDS: (row: Row) => (Array.isArray(row.held) ? row.held.length : row.held),
  LAST_SEEN: (row: Row) => row.last_seen_at ?? row.last_seen,
};

const SCHEDULES = {
  SCHEDULE: (row: Row) => row.schedule_id,
  CRON: (row: Row) => row.cron,
  TIMEZONE: (row: Row) => row.timezone,
  PAUSED: (row: Row) => row.paused,
  NEXT: (row: Row) => row.next_at ?? row.next_due_at,
};

/** `workers`: who claimed or beat lately. */
export async function workers(context: Context): Promise<void> {
  await context.list().rows(WORKERS, pagesOf('workers', context));
}

/** `schedules`: what comes by the clock. */
export async function schedules(context: Context): Promise<void> {
  await context.list().rows(SCHEDULES, pagesOf('schedules', context));
}

async function* pagesOf(name: string, context: Context): AsyncGenerator<Row> {
  let cursor: string | undefined;
  do {
    const page = (await context.client.request({ method: 'GET', path: name, query: { cursor } })) as Row;
    yield* page[name] as Row[];
    cursor = typeof page.next_cursor === 'string' ? page.next_cursor : undefined;
  } while (cursor !== undefined);
}
