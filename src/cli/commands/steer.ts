import type { Redrive } from '../../client/index.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';

interface Named {
  readonly eval_id: string;
  readonly status: string;
}

const COLUMNS = { EVAL_ID: (row: Named) => row.eval_id, STATUS: (row: Named) => row.status };

export interface CancelOptions {
  readonly reason?: string;
}

/** `cancel`: one task after the other; the first that cannot be cancelled ends it. */
export async function cancel(
  ids: readonly string[],
  { reason }: CancelOptions,
  context: Context,
): Promise<void> {
  await context.list().rows(
    COLUMNS,
    each(ids, (id) => context.client.cancel(id, { reason })),
  );
}

export interface RedriveOptions {
  readonly status?: Redrive['status'];
  readonly queue?: string;
  readonly limit?: number;
}

/** `redrive`: these tasks, or all dead letters of a kind. */
export async function redrive(
  ids: readonly string[],
  options: RedriveOptions,
  context: Context,
): Promise<void> {
  if (ids.length > 0)
    return context.list().rows(
      COLUMNS,
      each(ids, (id) => context.client.redrive(id)),
    );
  const { status, queue, limit } = options;
  if (status === undefined)
    throw new CommandFailed(EXIT.usage, 'Name tasks, or a kind of dead letters: --status failed');
  await context.single().record(await context.client.redriveAll({ status, queue, limit }));
}

/** `pause` and `resume`. */
export async function steerQueue(queue: string, verb: 'pause' | 'resume', context: Context): Promise<void> {
  await context.single().record(await context.client.queues[verb](queue));
}

/** `drain`: a worker finishes what it holds and gets nothing more. */
export async function drain(worker: string, context: Context): Promise<void> {
  await context.single().record(await context.client.workers.drain(worker));
}

async function* each<Row>(ids: readonly string[], act: (id: string) => Promise<Row>): AsyncGenerator<Row> {
  for (const id of ids) yield await act(id);
}
