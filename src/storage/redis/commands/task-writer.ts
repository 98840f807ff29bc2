import type { Step } from '../../../task/task.machine.js';
import type { Task } from '../../../task/task.js';
import { holderOf } from '../../claim-key.js';
import type { Change, ReplaceOptions } from '../../task-store.js';
import { eventArgs } from '../records/event.text.js';
import { LuaScript } from '../connection/lua-script.js';
import { QueueBatch } from '../connection/queue-batch.js';
import { afterWrites } from '../connection/store-connection.js';
import type { ChangeRow, SeenHeads, TaskRow } from './seen-heads.js';
import { FENCE_MS, type StoreParts } from '../records/store-parts.js';
import { ROWS_PER_STEP } from '../connection/turn-batch.js';

const REPLACE = new LuaScript('replace', {
  runsWhenFull: true,
});
const REMOVE = new LuaScript('remove', { runsWhenFull: true });

/** Replaces and removes tasks. */
export class TaskWriter {
  /** The id of the event, empty for none; null when somebody else wrote first. */
  private readonly changes: QueueBatch<ChangeRow, string | null>;
  /** The same, a part of a call at a time. */
  private readonly steps: QueueBatch<ChangeRow, string | null>;
  /** The nonce of the task; null when somebody else wrote first. */
  private readonly removals: QueueBatch<TaskRow, string | null>;

  constructor(
    private readonly parts: StoreParts,
    private readonly heads: SeenHeads,
  ) {
    this.changes = new QueueBatch((rows) => this.runReplace(rows), parts.connection, {
      weigh: weightOfChange,
      isCommit: true,
    });
    this.steps = new QueueBatch((rows) => this.runReplace(rows), parts.connection, { weigh: weightOfChange });
    this.removals = new QueueBatch((rows) => this.runRemove(rows), parts.connection);
  }

  async replace(
    changes: readonly Change[],
    { inSteps = false }: ReplaceOptions = {},
  ): Promise<readonly boolean[]> {
    const batch = inSteps && changes.length > ROWS_PER_STEP ? this.steps : this.changes;
    const events = await addPresent(batch, await this.heads.changeRows(changes));
    const written = events.map((event) => event !== null);
    // Whoever tries again must not be told the same once more, also of a change that no script has seen.
    changes.forEach(({ task }, index) => {
      if (!written[index]) this.parts.held.forget(task);
    });
    await this.keepClaims(changes.filter((_, index) => written[index]));
    return written;
  }

  /** A heartbeat has made a lease last longer; a repetition of its claim call must still find the task. */
  private async keepClaims(changes: readonly Change[]): Promise<void> {
    const { claimNames } = this.parts;
    const kept = changes.map(async ({ task }) => {
      const claimKey = holderOf(task);
      if (claimKey !== undefined && task.state === 'processing') await claimNames.keep(claimKey, task.lease);
    });
    // The write is done; the next heartbeat tries again.
    await Promise.allSettled(kept);
  }

  async remove(tasks: readonly Task[]): Promise<readonly boolean[]> {
    const nonces = await addPresent(this.removals, await this.heads.taskRows(tasks));
    const forgotten = tasks.flatMap(({ spec: { id, queue } }, index) => {
      const nonce = nonces[index];
      return nonce ? [{ id, from: { queue, nonce }, to: undefined }] : [];
    });
    await afterWrites(this.parts.directory.exchange(forgotten));
    return nonces.map((nonce) => nonce !== null);
  }

  private async runReplace(rows: readonly ChangeRow[]): Promise<readonly (string | null)[]> {
    const { connection, keys, feed, events } = this.parts;
    const call = {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: [events.streamLength, ...rows.flatMap((row) => this.changeArgs(row))],
    };
    return connection.writeScript(REPLACE, call, (reply) => {
      const results = reply as (string | null)[];
      const transitions = rows.flatMap((row, index): (readonly [Step, string])[] => {
        const step = stepOf(row.change);
        const id = results[index];
        if (id !== null) this.parts.held.note(row.change.task, row.next);
        return step !== undefined && id ? [[step, id]] : [];
      });
      feed.tell(transitions);
      return results;
    });
  }

  private async runRemove(rows: readonly TaskRow[]): Promise<readonly (string | null)[]> {
    const { connection, keys } = this.parts;
    const call = {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: [FENCE_MS, ...rows.flatMap(({ task, seen }) => [task.spec.id, seen])],
    };
    return connection.writeScript(REMOVE, call, (reply) => reply as (string | null)[]);
  }

  private changeArgs({ change, encoded, ended, bytes, seen, next }: ChangeRow): (string | number)[] {
    const { task, output = '' } = change;
    const step = stepOf(change);
    const [channel, event] = step === undefined ? ['', ''] : eventArgs(step, this.parts.events);
    const { state, deadline, core, lease } = encoded;
    return [task.spec.id, seen, next, state, bytes, deadline, core, lease, output, ended, channel, event];
  }
}

/** Characters that the script has to look at, besides some that are alike in all tasks. */
function weightOfChange({ change, encoded }: ChangeRow): number {
  return (change.output?.length ?? 0) + encoded.core.length + (change.ended?.error?.length ?? 0);
}

/** Does the rows that there are; null for the others. */
async function addPresent<Row extends { readonly queue: string }>(
  batch: QueueBatch<Row, string | null>,
  rows: readonly (Row | undefined)[],
): Promise<readonly (string | null)[]> {
  if (isComplete(rows)) return batch.add(rows);
  const results = [...(await batch.add(rows.filter((row) => row !== undefined)))];
  return rows.map((row) => (row === undefined ? null : (results.shift() ?? null)));
}

function isComplete<Row>(rows: readonly (Row | undefined)[]): rows is readonly Row[] {
  return !rows.includes(undefined);
}

/** The transition that a change is; a heartbeat is none. */
function stepOf({ task, type, at, ended }: Change): Step | undefined {
  return type === undefined || at === undefined ? undefined : { task, type, at, ended };
}
