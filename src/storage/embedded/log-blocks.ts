import type { Database } from 'lmdb';
import { LOG_BLOCK_BYTES } from '../task-logs.js';
import { DamagedValue } from './sealed-value.js';
import type { TaskNumber } from './task-number.js';

type BlockKey = [number: TaskNumber, attempt: number, block: number];

/** The attempt of a task that wrote a log. */
export interface LogOwner {
  readonly number: TaskNumber;
  readonly attempt: number;
}

export interface LogTables {
  readonly blocks: Database<Buffer | DamagedValue, BlockKey>;
  /** Removed tasks whose blocks may still be in the file. */
  readonly dropped: Database<true, TaskNumber>;
  /** Receives the promise of each put and removal. */
  readonly note: (write: Promise<unknown>) => void;
}

/**
 * Logs in the file, in blocks of equal size keyed by task, attempt and number of the block. The last block of a log is
 * rewritten until it is full. Writes go into the open transaction; reads see what is durable.
 */
export class LogBlocks {
  constructor(private readonly tables: LogTables) {}

  /** @throws DamagedValue */
  extentOf(owner: LogOwner): { readonly first: number; readonly size: number } {
    const last = this.edge(owner, 'last');
    if (last === undefined) return { first: 0, size: 0 };
    const first = this.edge(owner, 'first') ?? last;
    return {
      first: first * LOG_BLOCK_BYTES,
      size: last * LOG_BLOCK_BYTES + this.block(owner, last).length,
    };
  }

  /** Attempts of a task with a log, in order. */
  attemptsOf(number: TaskNumber): number[] {
    const attempts: number[] = [];
    for (
      let next = this.attemptFrom(number, 0);
      next !== undefined;
      next = this.attemptFrom(number, next + 1)
    )
      attempts.push(next);
    return attempts;
  }

  /**
   * Kept bytes, from `start` to `end`.
   *
   * @throws DamagedValue
   */
  read(owner: LogOwner, start: number, end: number): Buffer {
    if (start >= end) return Buffer.alloc(0);
    const from = Math.floor(start / LOG_BLOCK_BYTES);
    const to = Math.floor((end - 1) / LOG_BLOCK_BYTES);
    const blocks = Array.from({ length: to - from + 1 }, (_, index) => this.block(owner, from + index));
    const skipped = from * LOG_BLOCK_BYTES;
    return Buffer.concat(blocks).subarray(start - skipped, end - skipped);
  }

  /** The blocks to write for bytes at the end of a log, without those that end before `first`. */
  blocksFor(
    owner: LogOwner,
    at: number,
    bytes: Buffer,
    first: number,
  ): readonly (readonly [number, Buffer])[] {
    const begin = Math.floor(at / LOG_BLOCK_BYTES);
    const start = begin * LOG_BLOCK_BYTES;
    const whole = Buffer.concat([this.read(owner, start, at), bytes]);
    const blocks: (readonly [number, Buffer])[] = [];
    for (let from = 0; from < whole.length; from += LOG_BLOCK_BYTES) {
      const number = begin + from / LOG_BLOCK_BYTES;
      if (number * LOG_BLOCK_BYTES >= first)
        blocks.push([number, whole.subarray(from, from + LOG_BLOCK_BYTES)]);
    }
    return blocks;
  }

  put({ number, attempt }: LogOwner, block: number, bytes: Buffer): void {
    this.tables.note(this.tables.blocks.put([number, attempt, block], bytes));
  }

  /** Adds the removal of all blocks of a log before the one at this offset to the transaction. */
  removeBefore({ number, attempt }: LogOwner, offset: number): void {
    const { blocks, note } = this.tables;
    const range = { start: [number, attempt, 0], end: [number, attempt, offset / LOG_BLOCK_BYTES] };
    for (const key of blocks.getKeys(range)) note(blocks.remove(key));
  }

  /** Adds the removal of all logs of a task to the transaction. The blocks stay in the file until `sweep`. */
  drop(number: TaskNumber): void {
    const { dropped, note } = this.tables;
    if (this.attemptFrom(number, 0) !== undefined) note(dropped.put(number, true));
  }

  /** Adds the removal of up to `limit` dropped blocks to the transaction. Returns whether there may be more. */
  sweep(limit: number): boolean {
    const { blocks, dropped, note } = this.tables;
    let left = limit;
    for (const number of dropped.getKeys()) {
      for (const key of blocks.getKeys({ start: [number, 0, 0], end: [number, Infinity, 0], limit: left })) {
        note(blocks.remove(key));
        left -= 1;
      }
      if (left === 0) return true;
      note(dropped.remove(number));
    }
    return false;
  }

  get hasDropped(): boolean {
    return this.tables.dropped.getKeysCount({ limit: 1 }) > 0;
  }

  /** The youngest task whose blocks may still be in the file; its number must not be reused. */
  get lastDropped(): TaskNumber {
    const [last = 0] = this.tables.dropped.getKeys({ reverse: true, limit: 1 });
    return last;
  }

  private attemptFrom(number: TaskNumber, attempt: number): number | undefined {
    const range = { start: [number, attempt, 0], end: [number, Infinity, 0], limit: 1 };
    const [key] = this.tables.blocks.getKeys(range);
    return key?.[1];
  }

  private edge({ number, attempt }: LogOwner, which: 'first' | 'last'): number | undefined {
    const ends = { start: [number, attempt, -1], end: [number, attempt, Infinity] };
    const range = which === 'first' ? ends : { start: ends.end, end: ends.start, reverse: true };
    const [key] = this.tables.blocks.getKeys({ ...range, limit: 1 });
    return key?.[2];
  }

  private block({ number, attempt }: LogOwner, block: number): Buffer {
    const bytes = this.tables.blocks.get([number, attempt, block]);
    if (bytes instanceof DamagedValue) throw bytes;
    if (bytes === undefined) throw new DamagedValue('a block of the log is missing');
    return bytes;
  }
}
