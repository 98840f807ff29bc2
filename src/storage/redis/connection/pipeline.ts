import { setImmediate as nextTurn } from 'node:timers';
import { TASKS_PER_COMMIT, StoreUnavailable } from '../../task-store.js';
import { inFlight } from './in-flight.js';
import { asPartFailed, type StoreConnection } from './store-connection.js';

/** The most rows of calls that share a script. The next script is prepared while Redis runs it. */
export const ROWS_PER_SCRIPT = 32;

/**
 * The most rows of a script, and the number of characters after which it takes no further row. Other commands wait for
 * a script, so it must end within some milliseconds. `npm run bench:scripts` measures it.
 */
export const ROWS_PER_STEP = 64;
const CHARACTERS_PER_STEP = 262_144;
/** Steps of a call that are in flight at a time: one is prepared while Redis runs another. Other commands run in between. */
const STEPS_IN_FLIGHT = 2;

interface Call<Row, Result> {
  readonly rows: readonly Row[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Performs all rows in one step. Returns one result for each, in order. */
type Run<Row, Result> = (rows: readonly Row[]) => Promise<readonly Result[]>;

/** The grouping of rows. */
export interface Bounds<Row> {
  /** Calls are joined up to this many rows. */
  readonly joined: number;
  /** The most rows of a step; `ROWS_PER_STEP` by default. */
  readonly atOnce?: number;
  /** Characters of a row, without the parts of similar length: payloads, outputs, errors. 0 by default. */
  readonly weigh?: (row: Row) => number;
  /** Whether a call about up to `TASKS_PER_COMMIT` rows is one commit, at any size. */
  readonly isCommit?: boolean;
  /** Whether the steps are read-only. */
  readonly isReadOnly?: boolean;
}

/**
 * Joins the calls of one turn of the event loop into one step, so that a busy service sends one script for many
 * requests. The rows of a call are one atomic step. A call that is no commit and would occupy Redis for long is split
 * into steps. Some of them are in flight at a time, and other commands run in between.
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
    this.bounds = { atOnce: ROWS_PER_STEP, weigh: () => 0, isCommit: false, isReadOnly: false, ...bounds };
  }

  /** Rejects with the error of the step, with `applied: "unknown"` when there were steps before it. */
  add(rows: readonly Row[]): Promise<readonly Result[]> {
    return rows.length === 1 ? this.addStep(rows) : this.addParted(rows);
  }

  private async addParted(rows: readonly Row[]): Promise<readonly Result[]> {
    const { isCommit, isReadOnly } = this.bounds;
    const steps = stepsOf(rows, isCommit ? { atOnce: TASKS_PER_COMMIT } : this.bounds);
    if (steps.length <= 1) return this.addStep(rows);
    const effect = { isPossible: false };
    const addStep = async (step: readonly Row[]) => {
      try {
        const results = await this.addStep(step);
        effect.isPossible = !isReadOnly;
        return results;
      } catch (error) {
        effect.isPossible ||= !isReadOnly && isOfUnknownEffect(error);
        throw error;
      }
    };
    try {
      return (await inFlight(steps, isCommit ? 1 : STEPS_IN_FLIGHT, addStep)).flat();
    } catch (error) {
      throw effect.isPossible ? asPartFailed(error) : error;
    }
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

/** The rows in groups for scripts: several small ones, or one large one. */
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

/** In a Cluster the queues are on several nodes, so a step has rows of one queue only. */
type Topology = Pick<StoreConnection, 'isCluster'>;

/** Joins the calls of one turn whose queues are on one node. */
export class QueuePipeline<Row extends OfQueue, Result> {
  private readonly pipelines = new Map<string, TurnPipeline<Row, Result>>();

  constructor(
    private readonly run: Run<Row, Result>,
    private readonly topology: Topology,
    private readonly bounds: Pick<Bounds<Row>, 'weigh' | 'isCommit' | 'isReadOnly'> = {},
  ) {}

  /** @throws StoreUnavailable with `applied: "unknown"` when some of the rows were done and others were not */
  async add(rows: readonly Row[]): Promise<readonly Result[]> {
    if (rows.length === 0) return [];
    const { isReadOnly = false } = this.bounds;
    if (!this.topology.isCluster) return this.pipelineOf('').add(rows);
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    const parts = await Promise.allSettled(
      queues.map((name) => this.pipelineOf(name).add(rows.filter(({ queue }) => queue === name))),
    );
    const results = new Map(queues.map((name, index) => [name, [...resultsOf(parts, index, isReadOnly)]]));
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

/** The results of one part, or its error, which must not deny what the other parts did. */
function resultsOf<Result>(
  parts: readonly PromiseSettledResult<readonly Result[]>[],
  index: number,
  isReadOnly: boolean,
): readonly Result[] {
  const failure = parts.find((part) => part.status === 'rejected');
  const part = parts[index];
  if (failure === undefined) return part?.status === 'fulfilled' ? part.value : [];
  const error: unknown = failure.reason;
  throw !isReadOnly && parts.some(mayHaveWritten) ? asPartFailed(error) : error;
}

function mayHaveWritten(part: PromiseSettledResult<unknown>): boolean {
  return part.status === 'fulfilled' || isOfUnknownEffect(part.reason);
}

function isOfUnknownEffect(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.applied === 'unknown';
}
