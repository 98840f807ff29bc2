import type { Attempt, Task } from '../../../task/task.js';
import type { JsonText, Payload } from '../../task-store.js';
import { LuaScript } from '../connection/lua-script.js';
import { QueuePipeline } from '../connection/pipeline.js';
import type { StoreParts } from '../records/store-parts.js';
import type { FoundFields } from '../records/known-heads.js';

const IS_CLEARED = new LuaScript('is-cleared', { isReadOnly: true });
const FIND = new LuaScript('find', { isReadOnly: true });

/** The beginning of the names of the fields with finished attempts, before their counter. */
const ATTEMPT = 'attempt:';

interface Row {
  readonly queue: string;
  readonly id: string;
}

/** Finds tasks and their parts by id alone. */
export class TaskFinder {
  private readonly pipeline: QueuePipeline<Row, FoundFields>;

  constructor(private readonly parts: StoreParts) {
    this.pipeline = new QueuePipeline((rows) => this.run(rows), parts.connection, { isReadOnly: true });
  }

  find(id: string): Promise<Task | undefined> {
    return this.inQueueOf(id, (queue) => this.findIn(queue, id));
  }

  async findIn(queue: string, id: string): Promise<Task | undefined> {
    const [fields = [null]] = await this.pipeline.add([{ queue, id }]);
    return this.parts.heads.decode(fields);
  }

  /** The existing tasks, in any order. */
  async findAll(rows: readonly Row[]): Promise<readonly Task[]> {
    const found = await this.pipeline.add(rows);
    return found.flatMap((fields) => this.parts.heads.decode(fields) ?? []);
  }

  findPayload(id: string): Promise<Payload | undefined> {
    return this.inQueueOf(id, (queue) => this.field(queue, id, 'payload'));
  }

  findOutput(id: string): Promise<JsonText | undefined> {
    return this.inQueueOf(id, (queue) => this.field(queue, id, 'output'));
  }

  findCheckpoint(id: string): Promise<JsonText | undefined> {
    return this.inQueueOf(id, (queue) => this.field(queue, id, 'checkpoint'));
  }

  async findAttempts(id: string): Promise<readonly Attempt[]> {
    const texts = await this.inQueueOf(id, (queue) => this.attemptsIn(queue, id));
    return (texts ?? []).map((text) => JSON.parse(text) as Attempt);
  }

  private async attemptsIn(queue: string, id: string): Promise<readonly string[] | undefined> {
    const { connection, keys } = this.parts;
    const key = keys.task(queue, id);
    const [isCleared, fields] = await Promise.all([
      this.isCleared(queue, id),
      connection.read((client) => client.hkeys(key)),
    ]);
    if (isCleared) return undefined;
    const numbers = fields.flatMap((field) =>
      field.startsWith(ATTEMPT) ? Number(field.slice(ATTEMPT.length)) : [],
    );
    if (numbers.length === 0) return undefined;
    const names = numbers.toSorted((one, other) => one - other).map((number) => `${ATTEMPT}${number}`);
    const texts = await connection.read((client) => client.hmget(key, ...names));
    return texts.filter((text) => text !== null);
  }

  private async field(queue: string, id: string, name: string): Promise<string | undefined> {
    const { connection, keys } = this.parts;
    const [isCleared, text] = await Promise.all([
      this.isCleared(queue, id),
      connection.read((client) => client.hget(keys.task(queue, id), name)),
    ]);
    return isCleared ? undefined : (text ?? undefined);
  }

  /** Sent before a read on the same connection: the read of a task that was not cleared then is valid. */
  async isCleared(queue: string, id: string): Promise<boolean> {
    const { connection, keys } = this.parts;
    const call = { keys: [keys.queue(queue)], args: [id] };
    return (await connection.readScript(IS_CLEARED, call)) === 1;
  }

  /** Looks in the queue where the task was last seen, then in the queue of the directory. */
  private async inQueueOf<T>(
    id: string,
    look: (queue: string) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const cached = this.parts.directory.cachedQueueOf(id);
    const found = cached === undefined ? undefined : await look(cached);
    if (found !== undefined) return found;
    const queue = await this.parts.directory.queueOf(id);
    return queue === undefined || queue === cached ? undefined : look(queue);
  }

  private async run(rows: readonly Row[]): Promise<readonly FoundFields[]> {
    const { connection, keys } = this.parts;
    const reply = await connection.readScript(FIND, {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: rows.map(({ id }) => id),
    });
    return reply as FoundFields[];
  }
}
