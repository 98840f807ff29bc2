import type { Client, QueueCounts, StatusAnswer } from '../../client/index.js';
import { pause } from '../../client/abort.js';
import { type Milliseconds, steadyNow } from '../../client/steady-clock.js';
import { type Context, isOutage, untilInterrupted } from '../context.js';
import { problemText } from '../exit-code.js';

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

const USUAL_PERIOD = 2;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

/** `stats`: prints counts by queue, repeatedly with `--watch`. */
export async function stats({ watch }: StatsOptions, context: Context): Promise<void> {
  if (watch === undefined) return show(await context.client.status(), context);
  const every = watch === true ? USUAL_PERIOD : watch;
  await untilInterrupted((signal) => watchOn(every, signal, context));
}

/**
 * Continues during an outage and shows the age of the figures: on a terminal below each repetition, elsewhere once.
 *
 *
 * @throws ApiError when the service rejects the request; the reason of the signal
 */
async function watchOn(every: number, signal: AbortSignal, context: Context): Promise<void> {
  const client = context.impatientClient();
  let last: Figures | undefined;
  let isTold = false;
  for (;;) {
    const next = await figuresOf(client, signal);
    const { isTTY } = process.stdout;
    if ('status' in next) {
      last = next;
      if (isTTY) await context.list().text(CLEAR_SCREEN);
      else if (isTold) context.say(`${context.url} answers again`);
      await show(next.status, context);
      isTold = false;
    } else {
      const trouble = `${problemText(next.outage, context.url)}; retrying`;
      if (isTTY && last !== undefined) {
        await context.list().text(CLEAR_SCREEN);
        await show(last.status, context);
        const age = Math.round((steadyNow() - last.at) / 1000);
        await context.list().foreign(`Stale: these figures are ${age} s old. ${trouble}\n`);
      } else if (!isTold) context.say(trouble);
      isTold = true;
    }
    await pause(every * 1000, signal);
  }
}

interface Figures {
  readonly status: StatusAnswer;
  readonly at: Milliseconds;
}

async function figuresOf(client: Client, signal: AbortSignal): Promise<Figures | { outage: unknown }> {
  try {
    return { status: await client.status({ signal }), at: steadyNow() };
  } catch (error) {
    if (!isOutage(error)) throw error;
    return { outage: error };
  }
}

async function show(status: StatusAnswer, context: Context): Promise<void> {
  await context.list().rows(COLUMNS, rowsOf(status));
}

function* rowsOf({ queues, ...total }: StatusAnswer): Generator<Row> {
  for (const [queue, counts] of Object.entries(queues).sort(([a], [b]) => a.localeCompare(b)))
    yield { ...counts, queue };
  if (Object.keys(queues).length !== 1) yield { ...total, queue: '(all)' };
}

function ageOf(seconds: number | null): string | undefined {
  return seconds === null ? undefined : `${seconds.toFixed(1)} s`;
}
