import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import type { StoreSettings, TaskStore } from '../../src/storage/task-store.js';
import { ReferenceStore } from '../contract/reference-store.js';
import type { Scheduler } from './scheduler.js';
import { turn, within } from './timers.js';

/** Of the writes that `break a write` breaks, the one that fails for the whole store. */
const LAST_WRITE = 3;
/** By the real clock. */
const CLOSE_LIMIT_MS = 5_000;

export type StoreKind = 'embedded' | 'reference';

/** A store that a simulation runs on. */
export interface OpenedStore {
  readonly store: TaskStore;
  /** Resolves when everything that was begun has come as far as it can without the scheduler. */
  settle(): Promise<void>;
  /** Closes the store; rejects when that does not end. */
  close(): Promise<void>;
  /** Has one of the next writes of a record fail, after so many that do not. */
  readonly breakWrite?: (after: number) => void;
  /** Has the next record that is read be no record. */
  readonly breakRead?: () => void;
}

export function openStore(
  kind: StoreKind,
  scheduler: Scheduler,
  settings: StoreSettings,
): Promise<OpenedStore> {
  return kind === 'embedded' ? openEmbedded(scheduler, settings) : openReference(scheduler, settings);
}

async function openReference(scheduler: Scheduler, settings: StoreSettings): Promise<OpenedStore> {
  const store = new ReferenceStore(scheduler.clock, settings);
  return { store, settle: turn, close: () => store.close() };
}

/** The real store on a real file. The scheduler says when a commit is durable; the disk is quicker. */
async function openEmbedded(scheduler: Scheduler, settings: StoreSettings): Promise<OpenedStore> {
  const directory = mkdtempSync(join(memoryDirectory(), 'crucible-simulation-'));
  const store = await EmbeddedTaskStore.open({ directory, clock: scheduler.clock, settings });
  const { files, writer } = store as unknown as { files: Files; writer: Writer };
  const commits = new HeldCommits(files.group, scheduler);
  return {
    store,
    breakWrite: (after) => {
      // Nothing was put yet when a record does not fit. When a put fails, the store does.
      const broken = after === LAST_WRITE ? files : writer;
      failOnce(broken, 'putNew', after, 'The record does not fit');
      failOnce(broken, 'putChange', after, 'The record does not fit');
    },
    breakRead: () => {
      failOnce(files, 'readStored', 0, 'The record is damaged');
    },
    async settle() {
      await turn();
      while (commits.isWriting) await commits.written();
    },
    async close() {
      commits.release();
      await within(CLOSE_LIMIT_MS, store.close());
      rmSync(directory, { recursive: true, force: true });
    },
  };
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
