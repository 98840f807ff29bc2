import { StoreUnavailable } from '../../task-store.js';
import type { StoreConnection } from './store-connection.js';
import { type Bounds, ROWS_PER_SCRIPT, TurnBatch } from './turn-batch.js';

interface OfQueue {
  readonly queue: string;
}

type Run<Row, Result> = (rows: readonly Row[]) => Promise<readonly Result[]>;

/** In a Cluster the queues are on several nodes: then a step has rows of one queue only. */
type Topology = Pick<StoreConnection, 'isCluster'>;

/** Joins the calls of one turn, as far as their queues are on one node. */
export class QueueBatch<Row extends OfQueue, Result> {
  private readonly batches = new Map<string, TurnBatch<Row, Result>>();

  constructor(
    private readonly run: Run<Row, Result>,
    private readonly topology: Topology,
    private readonly bounds: Pick<Bounds<Row>, 'weigh' | 'isCommit'> = {},
  ) {}

  /** @throws StoreUnavailable with `applied: "unknown"` when some of the rows were done and others were not */
  async add(rows: readonly Row[]): Promise<readonly Result[]> {
    if (rows.length === 0) return [];
    if (!this.topology.isCluster) return this.batchOf('').add(rows);
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    const parts = await Promise.allSettled(
      queues.map((name) => this.batchOf(name).add(rows.filter(({ queue }) => queue === name))),
    );
    const results = new Map(queues.map((name, index) => [name, [...resultsOf(parts, index)]]));
    return rows.map(({ queue }) => results.get(queue)?.shift() as Result);
  }

  private batchOf(name: string): TurnBatch<Row, Result> {
    const known = this.batches.get(name);
    if (known !== undefined) return known;
    const batch = new TurnBatch(this.run, { joined: ROWS_PER_SCRIPT, ...this.bounds });
    this.batches.set(name, batch);
    return batch;
  }
}

/** The results of one part; when it failed, its error, which must not deny what the other parts did. */
function resultsOf<Result>(
  parts: readonly PromiseSettledResult<readonly Result[]>[],
  index: number,
): readonly Result[] {
  const failure = parts.find((part) => part.status === 'rejected');
  const part = parts[index];
  if (failure === undefined) return part?.status === 'fulfilled' ? part.value : [];
  const error: unknown = failure.reason;
  throw parts.some(mayHaveWritten)
    ? new StoreUnavailable('A part of the call failed', 'unknown', { cause: error })
    : error;
}

function mayHaveWritten(part: PromiseSettledResult<unknown>): boolean {
  if (part.status === 'fulfilled') return true;
  return part.reason instanceof StoreUnavailable && part.reason.applied === 'unknown';
}
