import { Logger } from '@nestjs/common';
import { TaskDamaged } from '../../task/task.errors.js';
import type { TaskNumber } from './task-number.js';
import { DamagedValue } from './sealed-value.js';

/** Maximum number of logged damages; later ones are only counted. */
const MOST_LOGGED = 100;

/**
 * Tasks whose bytes on disk differ from what the store wrote. No worker can claim them, and their records stay on disk.
 * All other tasks are served. Each start finds the damage again, so the quarantine is not persisted.
 */
export class Quarantine {
  private readonly logger = new Logger('EmbeddedTaskStore');
  private readonly logged = new Set<string>();
  private readonly damaged = new Map<TaskNumber, string | undefined>();
  /** Called once per damaged task, within the read that found it. */
  onFound: (number: TaskNumber) => void = () => undefined;

  /** Cleared damaged tasks that may still be in the file. */
  private readonly cleared = new Set<TaskNumber>();

  /** Empties the quarantine; returns its tasks. A start after a kill quarantines the remaining ones again. */
  clear(): readonly TaskNumber[] {
    const numbers = [...this.damaged.keys()];
    for (const number of numbers) this.cleared.add(number);
    this.damaged.clear();
    return numbers;
  }

  /** Call this when their records are removed from the file. */
  forget(numbers: Iterable<TaskNumber>): void {
    for (const number of numbers) {
      this.cleared.delete(number);
      this.damaged.delete(number);
    }
  }

  /** Number of quarantined tasks. */
  get size(): number {
    return this.cleared.size + this.damaged.size;
  }

  isCleared(number: TaskNumber): boolean {
    return this.cleared.size > 0 && this.cleared.has(number);
  }

  has(number: TaskNumber): boolean {
    return this.damaged.has(number);
  }

  /** The result of `read`; `undefined` when it finds damage, which is recorded. */
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

  /** Logs damage outside of tasks, once each. */
  logDamage(what: string, { message }: DamagedValue): void {
    if (this.logged.has(what)) return;
    this.logged.add(what);
    if (this.logged.size <= MOST_LOGGED) this.logger.error(`${what} is damaged on disk: ${message}`);
  }

  /** Records damage, once each; rethrows other errors. */
  note(number: TaskNumber, error: unknown, id?: string): void {
    if (!(error instanceof DamagedValue)) throw error;
    if (this.isCleared(number) || this.damaged.get(number) !== undefined) return;
    const isKnown = this.damaged.has(number);
    if (isKnown && id === undefined) return;
    this.damaged.set(number, id);
    if (!isKnown) this.onFound(number);
    if (this.damaged.size > MOST_LOGGED) return;
    const name = id ?? `number ${number}`;
    this.logger.error(`Task ${name} is damaged on disk and quarantined: ${error.message}. Restore a backup`);
  }
}
