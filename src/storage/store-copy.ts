import { isDeepStrictEqual } from 'node:util';
import { TASK_STATES } from '../task/task-state.js';
import { copyLogs } from './log-copy.js';
import { copyDocuments } from './document-copy.js';
import { copySettings } from './settings-copy.js';
import type { KeptTask, TaskStore } from './task-store.js';

const TASKS_PER_PAGE = 1_000;
const TASKS_PER_COMMIT = 100;
const READ_AT_ONCE = 10;
/** Approximate size of the payloads, outputs and histories in one commit, in characters. Memory holds them twice. */
const SIZE_PER_COMMIT = 8 * 1024 * 1024;
/** Maximum number of differing names in a report. */
const NAMES_REPORTED = 100;

export interface CopyProgress {
  readonly done: number;
  readonly total: number;
}

export interface CopyReport {
  /** Tasks of the source. */
  readonly total: number;
  readonly copied: number;
  /** Tasks that the target had already, with equal content. */
  readonly present: number;
  /** Tasks that differ in the target or are missing from it. The copy did not change them. */
  readonly differentCount: number;
  /** Ids of the first differing tasks. */
  readonly different: readonly string[];
  /** Tasks whose logs the target keeps less of, by its own limits. */
  readonly shortenedLogs: number;
  /** Queues with a lower count in some state in the target than in the source. */
  readonly miscounted: readonly string[];
  /** Schedules, queue settings and other documents that differ in the target. The copy did not change them. */
  readonly differentDocuments: readonly string[];
}

/**
 * Copies every task with its history, payload, output and logs, and all documents. Tasks are copied oldest first, which keeps
 * their order.
 *
 * The source is unchanged and nothing in the target is overwritten, so the copy can be repeated. No other process may
 * write to either store. Memory use is one cursor per thousand tasks.
 */
export async function copyStore(
  from: TaskStore,
  to: TaskStore,
  onProgress: (progress: CopyProgress) => void = () => undefined,
): Promise<CopyReport> {
  const { total, cursors } = await pagesOf(from);
  const tally = { done: 0, copied: 0, differentCount: 0, different: [] as string[], shortenedLogs: 0 };
  for (const cursor of cursors.toReversed()) {
    const page = await from.views.list({ limit: TASKS_PER_PAGE, cursor });
    const ids = page.tasks.map(({ spec }) => spec.id).toReversed();
    for await (const kept of portionsOf(from, ids)) {
      const isCopied = await to.restore(kept);
      const different = [...(await differencesIn(to, kept))];
      for (const { task } of kept.filter((each) => !different.includes(each.task.spec.id))) {
        const logs = await copyLogs(from, to, task);
        if (logs === 'different') different.push(task.spec.id);
        if (logs === 'shortened') tally.shortenedLogs += 1;
      }
      tally.done += kept.length;
      tally.copied += isCopied.filter(Boolean).length;
      tally.differentCount += different.length;
      tally.different.push(...different.slice(0, NAMES_REPORTED - tally.different.length));
      onProgress({ done: tally.done, total });
    }
  }
  const { copied, differentCount, different, shortenedLogs } = tally;
  const present = total - copied - differentCount;
  const differentDocuments = [
    ...(await copyDocuments(from.documents, to.documents)),
    ...(await copySettings(from, to)),
  ];
  const counts = { total, copied, present, differentCount, shortenedLogs };
  return { ...counts, different, miscounted: await miscounted(from, to), differentDocuments };
}

/** The number of tasks and the start of each list page. Lists begin with the youngest task. */
async function pagesOf(store: TaskStore): Promise<{ total: number; cursors: (string | undefined)[] }> {
  const cursors: (string | undefined)[] = [];
  let total = 0;
  let cursor: string | undefined;
  do {
    cursors.push(cursor);
    const page = await store.views.list({ limit: TASKS_PER_PAGE, cursor });
    total += page.tasks.length;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { total, cursors };
}

/** Complete tasks, in portions that fit in memory. */
async function* portionsOf(store: TaskStore, ids: readonly string[]): AsyncGenerator<readonly KeptTask[]> {
  let portion: KeptTask[] = [];
  let size = 0;
  for (let start = 0; start < ids.length; start += READ_AT_ONCE) {
    const kept = await read(store, ids.slice(start, start + READ_AT_ONCE));
    portion.push(...kept);
    size += kept.reduce((sum, each) => sum + sizeOf(each), 0);
    if (portion.length < TASKS_PER_COMMIT && size < SIZE_PER_COMMIT) continue;
    yield portion;
    portion = [];
    size = 0;
  }
  if (portion.length > 0) yield portion;
}

function sizeOf({ payload, output = '', checkpoint = '', attempts }: KeptTask): number {
  const ofAttempts = attempts.reduce((sum, { error = '' }) => sum + error.length, 0);
  return payload.length + output.length + checkpoint.length + ofAttempts;
}

async function read(store: TaskStore, ids: readonly string[]): Promise<readonly KeptTask[]> {
  const kept = await Promise.all(
    ids.map(async (id) => {
      const [task, payload = '', output, checkpoint, attempts] = await Promise.all([
        store.find(id),
        store.findPayload(id),
        store.findOutput(id),
        store.findCheckpoint(id),
        store.findAttempts(id),
      ]);
      return task === undefined ? [] : [{ task, payload, output, checkpoint, attempts }];
    }),
  );
  return kept.flat();
}

/** Tasks that are missing from the store or differ there. */
async function differencesIn(store: TaskStore, kept: readonly KeptTask[]): Promise<readonly string[]> {
  const there = await read(
    store,
    kept.map(({ task }) => task.spec.id),
  );
  const byId = new Map(there.map((each) => [each.task.spec.id, each]));
  return kept.flatMap((each) => {
    const { id } = each.task.spec;
    return isDeepStrictEqual(asJson(byId.get(id)), asJson(each)) ? [] : [id];
  });
}

/** Drops undefined members; stores may omit them. */
function asJson(kept: KeptTask | undefined): unknown {
  return kept && JSON.parse(JSON.stringify(kept));
}

async function miscounted(from: TaskStore, to: TaskStore): Promise<readonly string[]> {
  const there = new Map((await to.views.counts()).map(({ queue, counts }) => [queue, counts]));
  return (await from.views.counts()).flatMap(({ queue, counts }) => {
    const isLess = TASK_STATES.some((state) => (there.get(queue)?.[state] ?? 0) < counts[state]);
    return isLess ? [queue] : [];
  });
}
