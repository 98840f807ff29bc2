import { priorityOf, type Task } from '../../../task/task.js';
import { LuaScript } from '../connection/lua-script.js';
import { QueuePipeline } from '../connection/pipeline.js';
import type { StoreParts } from '../records/store-parts.js';
import { laneOf } from '../records/task-codec.js';

const POSITION = new LuaScript('position', { isReadOnly: true });

interface Row {
  readonly queue: string;
  readonly task: Task;
}

/** Computes positions. Calls of one turn share the reads of a script. */
export class TaskPositions {
  private readonly pipeline: QueuePipeline<Row, number | null>;

  constructor(private readonly parts: StoreParts) {
    this.pipeline = new QueuePipeline((rows) => this.run(rows), parts.connection, { isReadOnly: true });
  }

  async of(task: Task): Promise<number | undefined> {
    const [position] = await this.pipeline.add([{ queue: task.spec.queue, task }]);
    return position ?? undefined;
  }

  private async run(rows: readonly Row[]): Promise<readonly (number | null)[]> {
    const positions: (number | null)[] = [];
    while (positions.length < rows.length) positions.push(...(await this.ask(rows.slice(positions.length))));
    return positions;
  }

  /** The positions of the first tasks, at least of one. */
  private async ask(rows: readonly Row[]): Promise<readonly (number | null)[]> {
    const { connection, keys } = this.parts;
    const reply = await connection.readScript(POSITION, {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: rows.flatMap(({ task }) => [task.spec.id, priorityOf(task), laneOf(task.spec)]),
    });
    return reply as (number | null)[];
  }
}
