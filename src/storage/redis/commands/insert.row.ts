import type { Step } from '../../../task/task.machine.js';
import type { NewTask } from '../../task-store.js';
import { type EventOptions, eventArgs } from '../records/event.text.js';
import type { Feed } from '../records/feed.js';
import { encodeTask, headEndsOf, laneOf } from '../records/task.codec.js';
import type { FoundFields } from '../records/task-records.js';

/** One task for an insert script. */
export interface InsertRow {
  readonly queue: string;
  readonly nonce: string;
  readonly item: NewTask;
}

/** The event of the insert, the record that is there already, or null when the nonce was given up. */
export type InsertResult = string | FoundFields | null;

/** Characters that the insert scripts have to look at, besides some that are alike in all tasks. */
export function weightOfInsert({ item: { step, payload } }: InsertRow): number {
  return payload.length + (step.task.spec.callbackUrl?.length ?? 0);
}

/** What the insert scripts take for one task. */
export function insertArgs(row: InsertRow, events: EventOptions): (string | number)[] {
  const words = wordsOf(row);
  return [...headArgs(words), ...bodyArgs(words), ...eventArgs(row.item.step, events)];
}

/** What is written ahead of one task. */
export function stageArgs(row: InsertRow): readonly string[] {
  return bodyArgs(wordsOf(row));
}

/** What the commit takes for one task that was written ahead. */
export function commitArgs(row: InsertRow, events: EventOptions): (string | number)[] {
  const words = wordsOf(row);
  return [...headArgs(words), words.batch, words.lane, ...eventArgs(row.item.step, events)];
}

type Words = ReturnType<typeof wordsOf>;

function wordsOf({ item: { step, payload }, nonce }: InsertRow) {
  const { spec } = step.task;
  const encoded = encodeTask(step.task);
  const text = JSON.stringify(spec);
  const size = Buffer.byteLength(text) + Buffer.byteLength(payload);
  const { begin, ending } = headEndsOf(encoded, { timeout: spec.timeout, nonce, size, bytes: 0 });
  const { state, deadline, core } = encoded;
  const { id, priority, batchId: batch = '' } = spec;
  return {
    nonce,
    id,
    state,
    begin,
    ending,
    priority,
    deadline,
    text,
    core,
    payload,
    batch,
    lane: laneOf(spec),
  };
}

function headArgs({ nonce, id, state, begin, ending, priority, deadline }: Words): (string | number)[] {
  return [nonce, id, state, begin, ending, priority, deadline];
}

function bodyArgs({ text, core, payload, batch, lane }: Words): string[] {
  return [text, core, payload, batch, lane];
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
