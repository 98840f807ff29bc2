import type { JsonText, QueueDetails } from '../../client/index.js';
import { pathTo } from '../../client/paths.js';
import { confirm, isOnTerminal } from '../confirm.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';
import type { SureOptions } from '../plan.js';

const COLUMNS = {
  QUEUE: (row: QueueDetails) => row.queue,
  PAUSED: (row: QueueDetails) => (row.paused ? 'paused' : undefined),
  READY: (row: QueueDetails) => row.stats.ready,
  LEASED: (row: QueueDetails) => row.stats.leased,
  DELAYED: (row: QueueDetails) => row.stats.delayed,
  OLDEST: (row: QueueDetails) => row.stats.oldest_ready_age_seconds,
  LIMITS: (row: QueueDetails) => limitsOf(row),
};

/** `queues`: lists the queues that have tasks or settings, by name. */
export async function listQueues(context: Context): Promise<void> {
  await context.list().rows(COLUMNS, await context.client.queues.list());
}

/** The value of a setting; null removes it. */
type Setting = JsonText;

export interface LimitsOptions {
  readonly maxDepth?: Setting;
  readonly maxConcurrency?: Setting;
  readonly maxConcurrencyPerGroup?: Setting;
  readonly rateLimit?: Setting;
  readonly priorityAgeing?: Setting;
  /** Settings by the name that the API gives them. */
  readonly set?: Readonly<Record<string, Setting>>;
}

/** `limits`: changes the given settings of a queue, and shows all of them. */
export async function limits(queue: string, options: LimitsOptions, context: Context): Promise<void> {
  const change = {
    max_depth: options.maxDepth,
    max_concurrency: options.maxConcurrency,
    max_concurrency_per_group: options.maxConcurrencyPerGroup,
    rate_limit: options.rateLimit,
    priority_ageing: options.priorityAgeing,
    ...options.set,
  };
  const isChange = Object.values(change).some((value) => value !== undefined);
  const path = pathTo('queues', queue);
  const answer = isChange
    ? await context.client.request({ method: 'PATCH', path, body: change })
    : await context.client.queues.get(queue);
  await context.single().record(answer as QueueDetails);
}

/**
 * `pause`: an unknown queue, without tasks and settings, may be misspelt. Without `--yes` the command asks for
 * confirmation on a terminal, and fails elsewhere.
 */
export async function pauseQueue(queue: string, { yes }: SureOptions, context: Context): Promise<void> {
  if (yes !== true && !(await isKnown(queue, context))) {
    const preview = `There is no queue ${queue} yet: it has no tasks and no settings`;
    if (!isOnTerminal()) throw new CommandFailed(EXIT.notFound, `${preview}; add --yes to pause it anyway`);
    await confirm(context, { preview, question: 'Pause it anyway?' });
  }
  await context.single().record(await context.client.queues.pause(queue));
}

/** `resume`: resumes a queue. */
export async function resumeQueue(queue: string, context: Context): Promise<void> {
  await context.single().record(await context.client.queues.resume(queue));
}

async function isKnown(queue: string, { client }: Context): Promise<boolean> {
  return (await client.queues.list()).some((known) => known.queue === queue);
}

/** The settings that are set: `max_depth=10000 rate_limit=10/1s`. */
function limitsOf({ queue: _queue, paused: _paused, stats: _stats, ...settings }: QueueDetails): string {
  return Object.entries(settings as Readonly<Record<string, unknown>>)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}
