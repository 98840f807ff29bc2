import { setImmediate as nextTurn } from 'node:timers';
import { TASKS_PER_COMMIT, StoreUnavailable } from '../../task-store.js';
import { afterWrites, type StoreConnection } from './store-connection.js';

/** Rows up to which calls share a script: while Redis works on it, the next one is made. */
export const ROWS_PER_SCRIPT = 32;

/**
 * Rows that one script takes at most, and characters from which on it takes no further row: every other command waits
 * for a script, so it may last for some milliseconds only. `npm run bench:scripts` measures how many.
 */
export const ROWS_PER_STEP = 64;
const CHARACTERS_PER_STEP = 262_144;

interface Call<Row, Result> {
  readonly rows: readonly Row[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Does all rows in one step; answers one result for each, in order. */
type Run<Row, Result> = (rows: readonly Row[]) => Promise<readonly Result[]>;

/** How many rows go together. */
export interface Bounds<Row> {
  /** Calls are joined up to this many rows. */
  readonly joined: number;
  /** Rows that one step takes at most, by default `ROWS_PER_STEP`. */
  readonly atOnce?: number;
  /** Characters of a row, as far as rows differ in them: payloads, outputs, errors. By default 0. */
  readonly weigh?: (row: Row) => number;
  /** A call about up to `TASKS_PER_COMMIT` rows is one commit, whatever they weigh. */
  readonly isCommit?: boolean;
}

/**
 * Joins the calls of one turn of the event loop into one step, so that a busy service sends one script for many
 * requests. The rows of a call are one atomic step. Where the call has not to be one commit, and that would hold Redis for
 * long, it is parted into steps, one after the other, and other commands run in between.
 */
export class TurnPipeline<Row, Result> {
  private calls: Call<Row, Result>[] = [];
  private rowCount = 0;
  private weight = 0;

  private readonly bounds: Required<Bounds<Row>>;

  constructor(
    private readonly run: Run<Row, Result>,
    bounds: Bounds<Row>,
  ) {
    this.bounds = { atOnce: ROWS_PER_STEP, weigh: () => 0, isCommit: false, ...bounds };
  }

  /** Rejects with the error of the step, with `applied: "unknown"` when there were steps before it. */
  add(rows: readonly Row[]): Promise<readonly Result[]> {
    return rows.length === 1 ? this.addStep(rows) : this.addParted(rows);
  }

  private async addParted(rows: readonly Row[]): Promise<readonly Result[]> {
    const { isCommit } = this.bounds;
    const [first = [], ...others] = stepsOf(rows, isCommit ? { atOnce: TASKS_PER_COMMIT } : this.bounds);
    if (others.length === 0) return this.addStep(rows);
    const results = [...(await this.addStep(first))];
    for (const step of others) results.push(...(await afterWrites(this.addStep(step))));
    return results;
  }

  private addStep(rows: readonly Row[]): Promise<readonly Result[]> {
    const { joined, weigh } = this.bounds;
    const weight = rows.reduce((sum, row) => sum + weigh(row), 0);
    const isFull = this.rowCount + rows.length > joined || this.weight + weight > CHARACTERS_PER_STEP;
    if (isFull) this.flush();
    return new Promise((resolve, reject) => {
      if (this.calls.length === 0) nextTurn(() => this.flush());
      this.calls.push({ rows, resolve, reject });
      this.rowCount += rows.length;
      this.weight += weight;
      if (this.rowCount >= joined) this.flush();
    });
  }

  private flush(): void {
    const { calls } = this;
    if (calls.length === 0) return;
    this.calls = [];
    this.rowCount = 0;
    this.weight = 0;
    void this.runAll(calls);
  }

  private async runAll(calls: readonly Call<Row, Result>[]): Promise<void> {
    try {
      const results = await this.run(calls.flatMap(({ rows }) => rows));
      let from = 0;
      for (const { rows, resolve } of calls) {
        resolve(results.slice(from, from + rows.length));
        from += rows.length;
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }
}

/** The rows as scripts may take them, each of them several that are small or one that is large. */
export function stepsOf<Row>(
  rows: readonly Row[],
  { atOnce = ROWS_PER_STEP, weigh = () => 0 }: Pick<Bounds<Row>, 'atOnce' | 'weigh'>,
): readonly (readonly Row[])[] {
  const steps: Row[][] = [];
  let weight = 0;
  for (const row of rows) {
    const step = steps.at(-1);
    const more = weigh(row);
    weight += more;
    if (step === undefined || step.length === atOnce || weight > CHARACTERS_PER_STEP) {
      steps.push([row]);
      weight = more;
    } else step.push(row);
  }
  return steps;
}

interface OfQueue {
  readonly queue: string;
}

/** In a Cluster the queues are on several nodes: then a step has rows of one queue only. */
type Topology = Pick<StoreConnection, 'isCluster'>;

/** Joins the calls of one turn, as far as their queues are on one node. */
export class QueuePipeline<Row extends OfQueue, Result> {
  private readonly pipelines = new Map<string, TurnPipeline<Row, Result>>();

  constructor(
    private readonly run: Run<Row, Result>,
    private readonly topology: Topology,
    private readonly bounds: Pick<Bounds<Row>, 'weigh' | 'isCommit'> = {},
  ) {}

  /** @throws StoreUnavailable with `applied: "unknown"` when some of the rows were done and others were not */
  async add(rows: readonly Row[]): Promise<readonly Result[]> {
    if (rows.length === 0) return [];
    if (!this.topology.isCluster) return this.pipelineOf('').add(rows);
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    const parts = await Promise.allSettled(
      queues.map((name) => this.pipelineOf(name).add(rows.filter(({ queue }) => queue === name))),
    );
    const results = new Map(queues.map((name, index) => [name, [...resultsOf(parts, index)]]));
    return rows.map(({ queue }) => results.get(queue)?.shift() as Result);
  }

  private pipelineOf(name: string): TurnPipeline<Row, Result> {
    const known = this.pipelines.get(name);
    if (known !== undefined) return known;
    const pipeline = new TurnPipeline(this.run, { joined: ROWS_PER_SCRIPT, ...this.bounds });
    this.pipelines.set(name, pipeline);
    return pipeline;
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
