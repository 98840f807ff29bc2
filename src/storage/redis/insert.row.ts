import type { Step } from '../../task/task.machine.js';
import type { NewTask } from '../task-store.js';
import { type EventOptions, eventArgs } from './event.text.js';
import type { Feed } from './feed.js';
import { encodeTask, laneOf } from './task.codec.js';
import type { FoundFields } from './task-records.js';

/** One task for an insert script. */
export interface InsertRow {
  readonly queue: string;
  readonly nonce: string;
  readonly item: NewTask;
}

/** The event of the insert, the record that is there already, or null when the nonce was given up. */
export type InsertResult = string | FoundFields | null;

/** What the insert scripts take for one task. */
export function insertArgs(
  { item: { step, payload }, nonce }: InsertRow,
  events: EventOptions,
): (string | number)[] {
  const { spec } = step.task;
  const { state, created, startBy, deadline, core } = encodeTask(step.task);
  return [
    ...[spec.id, nonce, state, created, startBy, spec.timeout, spec.priority, deadline],
    ...[JSON.stringify(spec), core, payload, spec.batchId ?? '', laneOf(spec), ...eventArgs(step, events)],
  ];
}

/** Tells which of the tasks were inserted. */
export function tellInserted(feed: Feed, rows: readonly InsertRow[], results: readonly InsertResult[]): void {
  feed.tell(
    rows.flatMap(({ item }, index): (readonly [Step, string])[] => {
      const result = results[index];
      return typeof result === 'string' ? [[item.step, result]] : [];
    }),
  );
}
