import { isDeepStrictEqual } from 'node:util';
import { TASK_STATES } from '../task/task-state.js';
import { copyDocuments } from './document-copy.js';
import { copySettings } from './settings-copy.js';
import type { KeptTask, TaskStore } from './task-store.js';

const IDS_PER_PAGE = 1_000;
const TASKS_PER_COMMIT = 100;

export interface CopyProgress {
  readonly done: number;
  readonly total: number;
}

export interface CopyReport {
  /** Tasks of the source. */
  readonly total: number;
  readonly copied: number;
  /** Were in the target already, the same. */
  readonly present: number;
  /** Ids of tasks that are another in the target, or not there after all. They were left as they are. */
  readonly different: readonly string[];
  /** Queues whose counts by state are less in the target than in the source. */
  readonly miscounted: readonly string[];
  /** Schedules, settings of queues and the like that are another in the target. They were left as they are. */
  readonly differentDocuments: readonly string[];
}

/**
 * Copies every task with its history, payload and output, oldest first, so that all keep their places, and what is kept
 * beside the tasks. Nothing is taken from the source, and nothing in the target is overwritten, so it can be repeated. Nobody else may write to either.
 */
export async function copyStore(
  from: TaskStore,
  to: TaskStore,
  onProgress: (progress: CopyProgress) => void = () => undefined,
): Promise<CopyReport> {
  const ids = (await newestFirst(from)).toReversed();
  const total = ids.length;
  let copied = 0;
  const different: string[] = [];
  for (let start = 0; start < total; start += TASKS_PER_COMMIT) {
    const kept = await read(from, ids.slice(start, start + TASKS_PER_COMMIT));
    const isCopied = await to.restore(kept);
    copied += isCopied.filter(Boolean).length;
    different.push(...(await differencesIn(to, kept)));
    onProgress({ done: Math.min(start + TASKS_PER_COMMIT, total), total });
  }
  const present = total - copied - different.length;
  const differentDocuments = [
    ...(await copyDocuments(from.documents, to.documents)),
    ...(await copySettings(from, to)),
  ];
  return { total, copied, present, different, miscounted: await miscounted(from, to), differentDocuments };
}

async function newestFirst(store: TaskStore): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: IDS_PER_PAGE, cursor });
    for (const { spec } of page.tasks) ids.push(spec.id);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

async function read(store: TaskStore, ids: readonly string[]): Promise<readonly KeptTask[]> {
  const kept = await Promise.all(
    ids.map(async (id) => {
      const [task, payload = '', output, attempts] = await Promise.all([
        store.find(id),
        store.findPayload(id),
        store.findOutput(id),
        store.findAttempts(id),
      ]);
      return task === undefined ? [] : [{ task, payload, output, attempts }];
    }),
  );
  return kept.flat();
}

/** Which of them are not in the store as they should be. */
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

/** Without what is undefined: stores may leave it out or not. */
function asJson(kept: KeptTask | undefined): unknown {
  return kept && JSON.parse(JSON.stringify(kept));
}

async function miscounted(from: TaskStore, to: TaskStore): Promise<readonly string[]> {
  const there = new Map((await to.counts()).map(({ queue, counts }) => [queue, counts]));
  return (await from.counts()).flatMap(({ queue, counts }) => {
    const isLess = TASK_STATES.some((state) => (there.get(queue)?.[state] ?? 0) < counts[state]);
    return isLess ? [queue] : [];
  });
}
