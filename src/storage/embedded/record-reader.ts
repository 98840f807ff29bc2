import type { Moment } from '../../task/clock.js';
import type { Task } from '../../task/task.js';
import { withPlausibleLease } from '../../task/task.machine.js';
import type { Entry, Readers } from './file-check.js';
import { IndexBuilder } from './index-builder.js';
import { BATCH_TASKS_TABLE, TASKS_TABLE } from './lmdb-file.js';
import { DamagedValue } from './sealed-value.js';
import type { TaskNumber } from './task-number.js';
import { decodeHeadAt, decodeTask } from './task-record.js';

/** Reads what the indices need while the file is checked, so that a start after a kill reads the file once. */
export class RecordReader {
  /** Tasks in processing whose leases need a correction. */
  readonly wrongLeases: TaskNumber[] = [];
  readonly builder = new IndexBuilder();
  private readonly unreadable: [TaskNumber, DamagedValue][] = [];
  /** Number of records, including unreadable ones. A start that has read fewer than the file has must not go on. */
  count = 0;
  /** The youngest task number in the file. */
  lastNumber: TaskNumber = 0;

  private batchBytes: Buffer = Buffer.alloc(0);
  private batchId = '';

  readonly readers: Readers = {
    [TASKS_TABLE]: (entry) => {
      const number = entry.page.numberKey(entry.node);
      if (number === undefined) return;
      this.count += 1;
      this.takeRecord(number, entry);
    },
    [BATCH_TASKS_TABLE]: ({ page, node }) => {
      const key = page.pairKey(node);
      if (key === undefined)
        throw new Error(`The start cannot read the key of a batch entry on page ${page.number}`);
      this.builder.addToBatch(this.batchIdIn(key.text), key.number);
    },
  };

  constructor(private readonly now: Moment) {}

  /** Unreadable records, oldest first. */
  get damaged(): ReadonlyMap<TaskNumber, DamagedValue> {
    return new Map(this.unreadable.toSorted(([one], [other]) => one - other));
  }

  private takeRecord(number: TaskNumber, entry: Entry): void {
    this.lastNumber = Math.max(this.lastNumber, number);
    try {
      const head = decodeHeadAt(entry);
      this.builder.add(number, head);
      // Here the record is at hand. A look at it once the store is open takes ten times as long.
      if (head.state === 'processing' && withPlausibleLease(taskIn(entry), this.now) !== undefined)
        this.wrongLeases.push(number);
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error;
      this.unreadable.push([number, error]);
    }
  }

  /** Ids of batches are ASCII, which their keys have unchanged. The tasks of a batch follow each other. */
  private batchIdIn(text: Buffer): string {
    if (!this.batchBytes.equals(text)) {
      this.batchBytes = Buffer.from(text);
      this.batchId = text.toString();
    }
    return this.batchId;
  }
}

function taskIn({ bytes, from, end }: Entry): Task {
  return decodeTask(bytes.subarray(from, end)).task;
}
