import type { Change, CheckpointChange, JsonText } from '../storage/task-store.js';
import type { Task } from '../task/task.js';

/** The size of a checkpoint for the state machine, which does not see its text. */
export function sizeOf(checkpoint: JsonText | undefined): number | undefined {
  return checkpoint === undefined ? undefined : Buffer.byteLength(checkpoint);
}

/** Adds the new or dropped checkpoint of a task to its change. */
export function withCheckpoint<C extends Change>(before: Task, change: C, text?: JsonText): C {
  const checkpoint = checkpointChange(before, change.task, text);
  return checkpoint === undefined ? change : Object.assign(change, { checkpoint });
}

function checkpointChange(before: Task, after: Task, text?: JsonText): CheckpointChange | undefined {
  const isGone = before.checkpoint !== undefined && after.checkpoint === undefined;
  if (text === undefined && !isGone) return undefined;
  return { text, growth: (after.checkpoint?.bytes ?? 0) - (before.checkpoint?.bytes ?? 0) };
}
