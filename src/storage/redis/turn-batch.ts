import { setImmediate as nextTurn } from 'node:timers';
import { TASKS_PER_COMMIT } from '../task-store.js';
import { afterWrites } from './store-connection.js';

/** Rows up to which calls share a script: while Redis works on it, the next one is made. */
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
 * requests. The rows of a call are one atomic step, unless it has more than `TASKS_PER_COMMIT`: Redis must not be held by
 * one step for long, so it is parted into steps of as many, one after the other.
 */
export class TurnBatch<Row, Result> {
  private calls: Call<Row, Result>[] = [];
  private rowCount = 0;

  /** @param limit calls are joined up to this many rows */
  constructor(
    private readonly run: Run<Row, Result>,
    private readonly limit: number,
  ) {}

  /** Rejects with the error of the step, with `applied: "unknown"` when there were steps before it. */
  add(rows: readonly Row[]): Promise<readonly Result[]> {
    return rows.length > TASKS_PER_COMMIT ? this.addParted(rows) : this.addStep(rows);
  }

  private async addParted(rows: readonly Row[]): Promise<readonly Result[]> {
    const results = [...(await this.addStep(rows.slice(0, TASKS_PER_COMMIT)))];
    for (let from = TASKS_PER_COMMIT; from < rows.length; from += TASKS_PER_COMMIT) {
      results.push(...(await afterWrites(this.addStep(rows.slice(from, from + TASKS_PER_COMMIT)))));
    }
    return results;
  }

  private addStep(rows: readonly Row[]): Promise<readonly Result[]> {
    if (this.rowCount + rows.length > this.limit) this.flush();
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
