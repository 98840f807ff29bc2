import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import type { StoreSettings, TaskStore } from '../../src/storage/task-store.js';
import { ReferenceStore } from '../contract/reference-store.js';
import type { Ms, Scheduler } from './scheduler.js';
import { turn, within } from './timers.js';

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
  const { files } = store as unknown as { files: Files };
  const commits = new HeldCommits(files, scheduler);
  return {
    store,
    breakWrite: (after) => {
      failOnce(files, 'putNew', after, 'The record does not fit');
      failOnce(files, 'putChange', after, 'The record does not fit');
    },
    breakRead: () => {
      failOnce(files, 'read', 0, 'The record is damaged');
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

/** What the simulation holds or breaks of the files of the embedded store. */
interface Files {
  committed: () => Promise<unknown>;
  putNew: (...args: never[]) => unknown;
  putChange: (...args: never[]) => unknown;
  read: (...args: never[]) => unknown;
}

/** Holds the news that a commit is durable until the scheduler lets it through. Commits end in their order. */
class HeldCommits {
  private readonly held = new WeakMap<Promise<unknown>, Promise<unknown>>();
  private readonly writing = new Set<Promise<unknown>>();
  private readonly toRelease: (() => void)[] = [];
  private releasesAt: Ms = 0;

  private isReleased = false;

  constructor(
    files: Files,
    private readonly scheduler: Scheduler,
  ) {
    const committed = files.committed.bind(files);
    files.committed = () => this.hold(committed());
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
    for (const release of this.toRelease.splice(0)) release();
  }

  private hold(write: Promise<unknown>): Promise<unknown> {
    const known = this.held.get(write);
    if (known !== undefined) return known;
    if (this.isReleased) return write;
    const { scheduler } = this;
    this.writing.add(write);
    const end = () => this.writing.delete(write);
    write.then(end, end);
    const released = new Promise<void>((resolve) => this.toRelease.push(resolve));
    const latency = scheduler.weather.answer(scheduler.random('commit'));
    this.releasesAt = Math.max(this.releasesAt, scheduler.now + latency);
    scheduler.after(this.releasesAt - scheduler.now, 'commit', () => this.toRelease.shift()?.());
    const held = released.then(() => write);
    this.held.set(write, held);
    return held;
  }
}

/** Has a method fail once. */
function failOnce(files: Files, name: keyof Files, after: number, message: string): void {
  const method = files[name] as (...args: unknown[]) => unknown;
  let left = after;
  files[name] = ((...args: unknown[]) => {
    if (left > 0) {
      left -= 1;
      return method.apply(files, args);
    }
    files[name] = method as never;
    throw new PlantedError(message);
  }) as never;
}

/** Memory that looks like a disk, where there is some: a simulated crash is none of the machine. */
function memoryDirectory(): string {
  const isThere = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isThere ? '/dev/shm' : tmpdir();
}
