import type { Database, RootDatabase } from 'lmdb';
import type { ClearMarks } from './clear-marks.js';
import { CHECKPOINTS_TABLE, decodedWell, openFile, openTable, readMarks, TASKS_TABLE } from './lmdb-file.js';
import {
  DamagedValue,
  SEALED_BYTES_OR_DAMAGE,
  SEALED_JSON_OR_DAMAGE,
  SEALED_OUTPUT,
  SEALED_PAYLOAD,
  type SealedEncoder,
} from './sealed-value.js';
import type { TaskNumber } from './task-number.js';
import { decodeTask, type StoredTask } from './task-record.js';

/** The result of reading a store. */
export interface Inspection {
  /** Number of known tasks, including damaged ones. */
  readonly tasks: number;
  /** One line per damage. */
  readonly damages: readonly string[];
}

/**
 * Reads and checks every value of a sound file, and the references between them. No other process may have the file
 * open.
 */
export async function inspectStore(directory: string): Promise<Inspection> {
  const marks = await readMarks(directory);
  const root = openFile(directory, { isInPieces: true });
  try {
    return new StoreInspection(root, marks).run();
  } finally {
    await root.close();
  }
}

function orDamage({ encode, decode }: SealedEncoder): object {
  const decodeWell = (bytes: Uint8Array) => {
    try {
      return decode(bytes);
    } catch (error) {
      if (error instanceof DamagedValue) return error;
      throw error;
    }
  };
  return { encoder: { encode, decode: decodeWell } };
}

class StoreInspection {
  private readonly damages: string[] = [];
  private readonly named = new Set<TaskNumber>();
  private readonly numbers: Database<TaskNumber, string>;
  private readonly tasks: Database<StoredTask | DamagedValue, TaskNumber>;
  private readonly payloads: Database<unknown, TaskNumber>;
  private readonly outputs: Database<unknown, TaskNumber>;
  private readonly checkpoints: Database<unknown, TaskNumber>;

  constructor(
    private readonly root: RootDatabase,
    private readonly marks: ClearMarks,
  ) {
    this.numbers = openTable(root, 'numbers', { encoding: 'ordered-binary' });
    this.tasks = openTable(root, TASKS_TABLE, { encoder: decodedWell(decodeTask) });
    this.payloads = openTable(root, 'payloads', orDamage(SEALED_PAYLOAD));
    this.outputs = openTable(root, 'outputs', orDamage(SEALED_OUTPUT));
    this.checkpoints = openTable(root, CHECKPOINTS_TABLE, orDamage(SEALED_OUTPUT));
  }

  run(): Inspection {
    let tasks = 0;
    for (const { key, value } of this.numbers.getRange()) {
      if (this.isKnown(key, value)) tasks += 1;
    }
    for (const number of this.tasks.getKeys()) {
      const stored = this.tasks.get(number);
      const isHidden = this.named.has(number) || (stored !== undefined && this.isCovered(stored));
      if (!isHidden) this.damages.push(`task number ${number}: no eval_id leads to it`);
    }
    for (const table of [
      'attempts',
      'documents',
      'documentAges',
      'notices',
      'settings',
      'counters',
      'clears',
    ]) {
      this.readThrough(openTable(this.root, table, { encoder: SEALED_JSON_OR_DAMAGE }), table);
    }
    this.readThrough(openTable(this.root, 'logs', { encoder: SEALED_BYTES_OR_DAMAGE }), 'logs');
    return { tasks, damages: this.damages };
  }

  private isKnown(id: string, number: TaskNumber): boolean {
    const stored = this.tasks.get(number);
    if (stored !== undefined && this.isCovered(stored)) return false;
    this.named.add(number);
    const damage = this.damageOf(id, number, stored);
    if (damage !== undefined) this.damages.push(`task ${id}: ${damage}`);
    return true;
  }

  private damageOf(
    id: string,
    number: TaskNumber,
    stored: StoredTask | DamagedValue | undefined,
  ): string | undefined {
    if (stored === undefined) return 'its record is missing';
    if (stored instanceof DamagedValue) return stored.message;
    if (stored.task.spec.id !== id) return 'its id leads to another task';
    const payload = this.payloads.get(number);
    if (payload === undefined) return 'its payload is missing';
    if (payload instanceof DamagedValue) return `its payload: ${payload.message}`;
    const output = this.outputs.get(number);
    if (output instanceof DamagedValue) return `its output: ${output.message}`;
    if (stored.task.checkpoint === undefined) return undefined;
    const checkpoint = this.checkpoints.get(number);
    if (checkpoint === undefined) return 'its checkpoint is missing';
    return checkpoint instanceof DamagedValue ? `its checkpoint: ${checkpoint.message}` : undefined;
  }

  private isCovered(stored: StoredTask | DamagedValue): boolean {
    return !(stored instanceof DamagedValue) && this.marks.covers(stored.head);
  }

  private readThrough(table: Database<unknown>, name: string): void {
    for (const { key, value } of table.getRange()) {
      if (!(value instanceof DamagedValue)) continue;
      this.damages.push(`${name} ${JSON.stringify(key)}: ${value.message}`);
    }
  }
}
