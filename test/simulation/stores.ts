import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import type { StoreSettings, TaskStore } from '../../src/storage/task-store.js';
import { ReferenceData, ReferenceStore } from '../contract/reference-store.js';
import type { Scheduler } from './scheduler.js';
import { turn, within } from './timers.js';

/** Of the writes that `break a write` breaks, the one that fails for the whole store. */
const LAST_WRITE = 3;
const FILE = 'queue.mdb';
/** By the real clock. */
const CLOSE_LIMIT_MS = 5_000;

export type StoreKind = 'embedded' | 'reference';

/** A store that a simulation runs on. */
export interface OpenedStore {
  /** Another one after each time it was opened again. */
  readonly store: TaskStore;
  /** Whether the scheduler holds the news of a commit: a read that waits for it would wait for the scheduler. */
  readonly isHolding: boolean;
  /** Resolves when everything that was begun has come as far as it can without the scheduler. */
  settle(): Promise<void>;
  /** Closes the store; rejects when that does not end. */
  close(): Promise<void>;
  /**
   * Opens what is on disk by a new store.
   *
   * @param isCrash the one before was not closed: what it has not answered yet may be there or not
   */
  reopen(isCrash: boolean): Promise<void>;
  /** Has one of the next writes of a record fail, after so many that do not. */
  breakWrite?(after: number): void;
  /** Has the next record that is read be no record. */
  breakRead?(): void;
  /** Writes other bytes in the place of the record of a task. */
  damage?(id: string): Promise<boolean>;
}

export async function openStore(
  kind: StoreKind,
  scheduler: Scheduler,
  settings: StoreSettings,
): Promise<OpenedStore> {
  return kind === 'embedded' ? EmbeddedDisk.open(scheduler, settings) : new Memory(scheduler, settings);
}

class Memory implements OpenedStore {
  private readonly data = new ReferenceData();
  readonly isHolding = false;
  store: TaskStore;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly settings: StoreSettings,
  ) {
    this.store = new ReferenceStore(scheduler.clock, settings, this.data);
  }

  settle(): Promise<void> {
    return turn();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  async reopen(): Promise<void> {
    await this.store.close();
    const { clock } = this.scheduler;
    this.data.forget(clock.now());
    this.store = new ReferenceStore(clock, this.settings, this.data);
  }
}

/** The real store on a real file. The scheduler says when a commit is durable; the disk is quicker. */
class EmbeddedDisk implements OpenedStore {
  private readonly directories: string[] = [];
  /** Stores that were left as if their processes had been killed. */
  private readonly left: Promise<unknown>[] = [];
  private opened: { readonly store: EmbeddedTaskStore; readonly commits: HeldCommits } | undefined;

  static async open(scheduler: Scheduler, settings: StoreSettings): Promise<EmbeddedDisk> {
    const disk = new EmbeddedDisk(scheduler, settings);
    await disk.openIn(disk.newDirectory());
    return disk;
  }

  private constructor(
    private readonly scheduler: Scheduler,
    private readonly settings: StoreSettings,
  ) {}

  get store(): EmbeddedTaskStore {
    return this.current.store;
  }

  get isHolding(): boolean {
    return this.current.commits.isHolding;
  }

  async settle(): Promise<void> {
    const { commits } = this.current;
    await turn();
    while (commits.isWriting) await commits.written();
  }

  async close(): Promise<void> {
    const { store, commits } = this.current;
    commits.release();
    await Promise.all([within(CLOSE_LIMIT_MS, store.close()), ...this.left]);
    for (const directory of this.directories) rmSync(directory, { recursive: true, force: true });
  }

  async reopen(isCrash: boolean): Promise<void> {
    const { store, commits } = this.current;
    if (!isCrash) {
      commits.release();
      await within(CLOSE_LIMIT_MS, store.close());
      await this.openIn(this.directories.at(-1) ?? '');
      return;
    }
    // No write is under way: what is in the file is what a kill leaves of it.
    const directory = this.newDirectory();
    copyFileSync(join(this.directories.at(-2) ?? '', FILE), join(directory, FILE));
    await this.openIn(directory);
    commits.release();
    this.left.push(store.close().catch(() => undefined));
  }

  breakWrite(after: number): void {
    const { files, writer } = this.parts;
    // Nothing was put yet when a record does not fit. When a put fails, the store does.
    const broken = after === LAST_WRITE ? files : writer;
    failOnce(broken, 'putNew', after, 'The record does not fit');
    failOnce(broken, 'putChange', after, 'The record does not fit');
  }

  breakRead(): void {
    failOnce(this.parts.files, 'readStored', 0, 'The record is damaged');
  }

  async damage(id: string): Promise<boolean> {
    const { files } = this.parts;
    const number = files.numberOfId(id);
    if (number === undefined) return false;
    const change = { record: Buffer.alloc(80, 0xa5), sequence: 0, ended: undefined, output: undefined };
    await files.write(() => files.putChange(number as never, change as never));
    return true;
  }

  private get current() {
    if (this.opened === undefined) throw new Error('The store is not open');
    return this.opened;
  }

  private get parts(): { files: Files; writer: Writer } {
    return this.store as unknown as { files: Files; writer: Writer };
  }

  private newDirectory(): string {
    const directory = mkdtempSync(join(memoryDirectory(), 'crucible-simulation-'));
    this.directories.push(directory);
    return directory;
  }

  private async openIn(directory: string): Promise<void> {
    const { scheduler, settings } = this;
    const store = await EmbeddedTaskStore.open({ directory, clock: scheduler.clock, settings });
    const { files } = store as unknown as { files: Files };
    this.opened = { store, commits: new HeldCommits(files.group, scheduler) };
  }
}

/** What a broken disk throws. */
export class PlantedError extends Error {
  override readonly name = 'PlantedError';
}

/** What the simulation breaks of the embedded store. */
interface Writer {
  putNew: (...args: never[]) => unknown;
  putChange: (...args: never[]) => unknown;
}

/** How it is told of writes, and that they are durable. */
interface Group {
  note: (write: Promise<unknown>) => void;
  landed: (group: unknown) => void;
}

/** What it breaks or holds of its files. */
interface Files extends Writer {
  readonly group: Group;
  readStored: (...args: never[]) => unknown;
  numberOfId: (id: string) => number | undefined;
  write: (puts: () => void) => Promise<void>;
}

/** Holds the news that a commit is durable until the scheduler lets it through. */
class HeldCommits {
  private readonly writing = new Set<Promise<unknown>>();
  private readonly toRelease = new Set<() => void>();
  private isReleased = false;

  constructor(group: Group, scheduler: Scheduler) {
    const { note, landed } = group;
    if (typeof note !== 'function' || typeof landed !== 'function')
      throw new Error('GroupCommit has no note or no landed any more: see stores.ts');
    group.note = (write) => {
      this.writing.add(write);
      const end = () => this.writing.delete(write);
      write.then(end, end);
      note.call(group, write);
    };
    group.landed = (writes) => {
      const release = () => {
        if (this.toRelease.delete(release)) landed.call(group, writes);
      };
      this.toRelease.add(release);
      if (this.isReleased) release();
      else scheduler.after(scheduler.weather.answer(scheduler.random('commit')), 'commit', release);
    };
  }

  get isWriting(): boolean {
    return this.writing.size > 0;
  }

  get isHolding(): boolean {
    return this.toRelease.size > 0;
  }

  async written(): Promise<void> {
    await Promise.allSettled([...this.writing]);
    await turn();
  }

  /** From now on nothing is held. */
  release(): void {
    this.isReleased = true;
    for (const release of this.toRelease) release();
  }
}

/** Has a method fail once. */
function failOnce<T extends object>(owner: T, name: keyof T, after: number, message: string): void {
  const method = owner[name] as (...args: unknown[]) => unknown;
  let left = after;
  owner[name] = ((...args: unknown[]) => {
    if (left > 0) {
      left -= 1;
      return method.apply(owner, args);
    }
    owner[name] = method as never;
    throw new PlantedError(message);
  }) as never;
}

/** Memory that looks like a disk, where there is some: a simulated crash is none of the machine. */
function memoryDirectory(): string {
  const isThere = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isThere ? '/dev/shm' : tmpdir();
}
