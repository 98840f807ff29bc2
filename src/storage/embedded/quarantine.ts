import { Logger } from '@nestjs/common';
import { TaskDamaged } from '../../task/task.errors.js';
import type { TaskNumber } from './task-number.js';
import { DamagedValue } from './sealed-value.js';

/** Told in the log; beyond that only counted. */
const MOST_TOLD = 100;

/**
 * Tasks of which bytes on disk are not what was written. They are handed out to nobody and keep their place on disk; the
 * others go on. It is found again after every start, so nothing is written about it.
 */
export class Quarantine {
  private readonly logger = new Logger('EmbeddedTaskStore');
  private readonly told = new Set<string>();
  private readonly damaged = new Map<TaskNumber, string | undefined>();
  /** Is told of each task once, in the middle of whatever found it. */
  onFound: (number: TaskNumber) => void = () => undefined;

  /** Damaged ones that were cleared, and may still be in the file. */
  private readonly cleared = new Set<TaskNumber>();

  /** Takes all of them out of sight; answers which they were. A start after a kill finds those again that are left. */
  clear(): readonly TaskNumber[] {
    const numbers = [...this.damaged.keys()];
    for (const number of numbers) this.cleared.add(number);
    this.damaged.clear();
    return numbers;
  }

  /** Their records are out of the file. */
  forget(numbers: Iterable<TaskNumber>): void {
    for (const number of numbers) {
      this.cleared.delete(number);
      this.damaged.delete(number);
    }
  }

  /** Tasks that are known here. */
  get size(): number {
    return this.cleared.size + this.damaged.size;
  }

  isCleared(number: TaskNumber): boolean {
    return this.cleared.size > 0 && this.cleared.has(number);
  }

  has(number: TaskNumber): boolean {
    return this.damaged.has(number);
  }

  /** What `read` answers; `undefined` when that is damaged, which is noted. */
  attempt<T>(number: TaskNumber, read: () => T, id?: string): T | undefined {
    try {
      return read();
    } catch (error) {
      this.note(number, error, id);
      return undefined;
    }
  }

  /**
   * The same for a caller that asked for this task.
   *
   * @throws TaskDamaged
   */
  require<T>(id: string, number: TaskNumber | undefined, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error;
      if (number !== undefined) this.note(number, error, id);
      throw new TaskDamaged(id);
    }
  }

  /** Tells of damage that is of no task, once. */
  tell(what: string, { message }: DamagedValue): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    if (this.told.size <= MOST_TOLD) this.logger.error(`${what} is damaged on disk: ${message}`);
  }

  /** Notes damage once; throws what is no damage. */
  note(number: TaskNumber, error: unknown, id?: string): void {
    if (!(error instanceof DamagedValue)) throw error;
    if (this.isCleared(number) || this.damaged.get(number) !== undefined) return;
    const isKnown = this.damaged.has(number);
    if (isKnown && id === undefined) return;
    this.damaged.set(number, id);
    if (!isKnown) this.onFound(number);
    if (this.damaged.size > MOST_TOLD) return;
    const name = id ?? `number ${number}`;
    this.logger.error(`Task ${name} is damaged on disk and quarantined: ${error.message}. Restore a backup`);
  }
}
