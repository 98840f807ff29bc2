import { setImmediate as nextTurn } from 'node:timers';

/** Rows that one script takes along, so that Redis does nothing else for a few milliseconds at most. */
export const ROWS_PER_SCRIPT = 32;

interface Call<Row, Result> {
  readonly rows: readonly Row[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Does all rows in one step; answers one result for each, in order. */
type Run<Row, Result> = (rows: readonly Row[]) => Promise<readonly Result[]>;

/**
 * Joins the calls of one turn of the event loop into one step, so that a busy service sends one script for many
 * requests. The rows of a call are never parted: what is one call is one atomic step.
 */
export class TurnBatch<Row, Result> {
  private calls: Call<Row, Result>[] = [];
  private rowCount = 0;

  /** @param limit no more calls are joined once there are this many rows, so that no step is a long one */
  constructor(
    private readonly run: Run<Row, Result>,
    private readonly limit: number,
  ) {}

  /** Rejects with the error of the step. */
  add(rows: readonly Row[]): Promise<readonly Result[]> {
    return new Promise((resolve, reject) => {
      if (this.calls.length === 0) nextTurn(() => this.flush());
      this.calls.push({ rows, resolve, reject });
      this.rowCount += rows.length;
      if (this.rowCount >= this.limit) this.flush();
    });
  }

  private flush(): void {
    const { calls } = this;
    if (calls.length === 0) return;
    this.calls = [];
    this.rowCount = 0;
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
