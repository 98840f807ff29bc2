import type { QueueCounts, StatusAnswer } from '../../client/index.js';
import { pause } from '../../client/abort.js';
import type { Context } from '../context.js';

type Row = QueueCounts & { readonly queue: string };

const COLUMNS = {
  QUEUE: (row: Row) => row.queue,
  QUEUED: (row: Row) => row.queued,
  DELAYED: (row: Row) => row.delayed,
  PROCESSING: (row: Row) => row.processing,
  COMPLETED: (row: Row) => row.completed,
  FAILED: (row: Row) => row.failed,
  CANCELLED: (row: Row) => row.cancelled,
  EXPIRED: (row: Row) => row.expired,
  OLDEST: (row: Row) => ageOf(row.oldest_queued_age),
};

export interface StatsOptions {
  /** Seconds between repetitions; true for the default. */
  readonly watch?: number | true;
}

/** `stats`: prints counts by queue, repeatedly with `--watch`. */
export async function stats(options: StatsOptions, context: Context): Promise<void> {
  const every = options.watch === true ? 2 : options.watch;
  for (;;) {
    const status = await context.client.status();
    if (every !== undefined && process.stdout.isTTY) process.stdout.write('\u001b[H\u001b[2J');
    await context.list().rows(COLUMNS, rowsOf(status));
    if (every === undefined) return;
    await pause(every * 1000);
  }
}

function* rowsOf({ queues, ...total }: StatusAnswer): Generator<Row> {
  for (const [queue, counts] of Object.entries(queues).sort(([a], [b]) => a.localeCompare(b)))
    yield { ...counts, queue };
  if (Object.keys(queues).length !== 1) yield { ...total, queue: '(all)' };
}

function ageOf(seconds: number | null): string | undefined {
  return seconds === null ? undefined : `${seconds.toFixed(1)} s`;
}
