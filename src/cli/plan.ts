import type { ListedTask, ListFilter } from '../client/index.js';
import { confirm, isOnTerminal } from './confirm.js';
import type { Context } from './context.js';
import { CommandFailed, EXIT } from './exit-code.js';
import { textOf } from './printer.js';

/** Options of commands that change many tasks. */
export interface SureOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** The tasks that a command would change. */
export interface Sample {
  readonly count: number;
  /** There are more than `count`. */
  readonly isMore: boolean;
  /** The ids of the first ones. */
  readonly ids: readonly string[];
}

export interface Plan {
  /** The tasks in words, after their number: `failed tasks of queue gpu`. */
  readonly what: string;
  readonly question: string;
  /** Without a terminal, the command requires `--yes`. */
  readonly isDestructive: boolean;
  readonly sample: () => Promise<Sample>;
}

const SHOWN_IDS = 10;
const MOST_COUNTED = 10_000;
const PAGE = 500;

/** Counts the matching tasks, newest first, up to a limit. */
export async function sample(
  { client }: Context,
  filter: ListFilter,
  { limit = MOST_COUNTED, isWanted = () => true }: SampleOptions = {},
): Promise<Sample> {
  const ids: string[] = [];
  let count = 0;
  // One more than counted shows whether there are more.
  for await (const task of client.list({ ...filter, limit: Math.min(limit + 1, PAGE) })) {
    if (!isWanted(task)) continue;
    if (count === limit) return { count, isMore: true, ids };
    count += 1;
    if (ids.length < SHOWN_IDS) ids.push(task.eval_id);
  }
  return { count, isMore: false, ids };
}

export interface SampleOptions {
  readonly limit?: number;
  readonly isWanted?: (task: ListedTask) => boolean;
}

/**
 * Shows what a command would do. With `--dry-run` that is all; with `--yes` there is no question; on a terminal the
 * operator decides.
 *
 * @returns whether to go on
 * @throws CommandFailed when nothing matches, the answer is no, or `--yes` is missing without a terminal
 */
export async function settle(
  plan: Plan,
  { yes = false, dryRun = false }: SureOptions,
  context: Context,
): Promise<boolean> {
  if (dryRun) {
    const { count, isMore, ids } = await plan.sample();
    await context.single().record({ dry_run: true, tasks: count, is_more: isMore, eval_ids: ids });
    return false;
  }
  const isAsked = isOnTerminal();
  if (yes || (!isAsked && !plan.isDestructive)) return true;
  const found = await plan.sample();
  if (found.count === 0) throw new CommandFailed(EXIT.notFound, `No ${plan.what} match`);
  const preview = previewOf(plan.what, found);
  if (!isAsked)
    throw new CommandFailed(EXIT.usage, `${preview}. Add --yes to confirm, or --dry-run to count them`);
  await confirm(context, { preview, question: plan.question });
  return true;
}

function previewOf(what: string, { count, isMore, ids }: Sample): string {
  const named = `${ids.map(textOf).join(', ')}${count > ids.length ? ', …' : ''}`;
  const words = count === 1 ? what.replace(/\btasks\b/, 'task') : what;
  return `${isMore ? 'More than ' : ''}${count} ${words}: ${named}`;
}

/** The filters in words: ` of queue gpu with cause oom`. */
export function scopeOf({ queue = [], group, batch, cause }: Scope): string {
  return [
    ...(queue.length === 0 && batch === undefined ? [' of all queues'] : []),
    ...(queue.length === 0 ? [] : [` of ${queue.length === 1 ? 'queue' : 'queues'} ${queue.join(', ')}`]),
    ...(group === undefined ? [] : [` of group ${group}`]),
    ...(batch === undefined ? [] : [` of batch ${batch}`]),
    ...(cause === undefined ? [] : [` with cause ${cause}`]),
  ].join('');
}

interface Scope {
  readonly queue?: readonly string[];
  readonly group?: string;
  readonly batch?: string;
  readonly cause?: string;
}
