import { priorityOf } from '../../../task/task.js';
import type { KeptTask } from '../../task-store.js';
import { holderOf } from '../../claim-key.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreParts } from '../records/store-parts.js';
import { encodeTask, headEndsOf, laneOf } from '../records/task-codec.js';
import { newNonce } from '../records/keys.js';
import { stepsOf } from '../connection/pipeline.js';

const RESTORE = new LuaScript('restore');

interface Row {
  readonly index: number;
  readonly item: KeptTask;
  readonly queue: string;
  readonly id: string;
  readonly nonce: string;
}

/** Takes over tasks of another store. */
export class TaskRestorer {
  constructor(private readonly parts: StoreParts) {}

  /** Per item: whether it was taken over. */
  async restore(items: readonly KeptTask[]): Promise<readonly boolean[]> {
    const rows = items.map((item, index): Row => {
      const { id, queue } = item.task.spec;
      return { index, item, queue, id, nonce: newNonce() };
    });
    const { names, directory, connection } = this.parts;
    await names.ensure([...new Set(rows.map(({ queue }) => queue))]);
    const entries = await directory.reserve(rows);
    const own = rows
      .map((row, index) => ({ ...row, ...entries[index] }))
      .filter(({ queue, item }) => queue === item.task.spec.queue);
    const isRestored = items.map(() => false);
    const groups = connection.isCluster ? byQueue(own) : [own];
    for (const group of groups.flatMap((rows) => stepsOf(rows, { weigh: weightOf }))) {
      const results = await this.run(group);
      await this.keepClaims(group);
      group.forEach(({ index }, position) => (isRestored[index] = results[position] === 1));
    }
    return isRestored;
  }

  private async keepClaims(rows: readonly Row[]): Promise<void> {
    for (const { item, queue } of rows) {
      const { task } = item;
      const claimKey = holderOf(task);
      if (task.state !== 'processing' || claimKey === undefined) continue;
      await this.parts.claimNames.add(claimKey, [queue]);
      await this.parts.claimNames.keep(claimKey, task.lease);
    }
  }

  private run(rows: readonly Row[]): Promise<readonly number[]> {
    if (rows.length === 0) return Promise.resolve([]);
    const { connection, keys } = this.parts;
    const call = { keys: rows.map(({ queue }) => keys.queue(queue)), args: rows.flatMap(argsOf) };
    return connection.writeScript(RESTORE, call, (reply) => reply as number[]);
  }
}

function weightOf({ item: { payload, output = '', checkpoint = '', attempts } }: Row): number {
  const ofTexts = payload.length + output.length + checkpoint.length;
  return attempts.reduce((sum, { error = '' }) => sum + error.length, ofTexts);
}

function argsOf({ id, nonce, item }: Row): (string | number)[] {
  const { task, payload, output = '', checkpoint = '', attempts } = item;
  const { spec } = task;
  const { deadline, core, lease, claim, ...encoded } = encodeTask(task);
  const text = JSON.stringify(spec);
  const records = attempts.map((each) => JSON.stringify(each));
  const size = [text, payload, checkpoint, ...records].reduce(
    (sum, each) => sum + Buffer.byteLength(each),
    0,
  );
  const bytes = size + Buffer.byteLength(output) + Buffer.byteLength(core);
  const { begin, ending } = headEndsOf(encoded, { timeout: spec.timeout, nonce, size, bytes });
  return [
    ...[id, begin, ending, priorityOf(task), deadline, text, core, lease, claim],
    ...[spec.batchId ?? '', laneOf(spec), payload, output, checkpoint],
    ...[records.length, ...records],
  ];
}

function byQueue(rows: readonly Row[]): readonly (readonly Row[])[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.queue, [...(groups.get(row.queue) ?? []), row]);
  return [...groups.values()];
}
