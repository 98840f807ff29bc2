import type { TaskState } from '../../src/task/task-state.js';
import { Service } from './service.js';

/** The least that was acknowledged of a task before a power cut. */
export interface Promised {
  /** The last attempt that was given out. */
  attempt: number;
  /** The state in which it ended, which is final. */
  ended?: TaskState;
}

export type Promises = Map<string, Promised>;

interface TaskView {
  readonly eval_id: string;
  readonly status: TaskState;
  readonly attempt: number;
}

const PAGE = 1_000;

/** Adds to what is promised of a task. */
export function promise(promises: Promises, id: string, { attempt, ended }: Partial<Promised> = {}): void {
  const known = promises.get(id);
  promises.set(id, {
    attempt: Math.max(known?.attempt ?? 0, attempt ?? 0),
    ended: known?.ended ?? ended,
  });
}

/** Starts the service on what a power cut left, and says what of the promises is not kept there. */
export async function brokenPromises(
  directory: string,
  promises: Promises,
  { main }: { readonly main?: string } = {},
): Promise<string[]> {
  let service: Service;
  try {
    service = await Service.start({ directory, main });
  } catch (error) {
    return [`the image was not accepted: ${String(error)}`];
  }
  try {
    const found = await everyTask(service.url);
    return [...promises].flatMap(([id, { attempt, ended }]) => {
      const view = found.get(id);
      if (view === undefined) return [`${id} is lost`];
      if (ended !== undefined && view.status !== ended) return [`${id} ended as ${ended}, is ${view.status}`];
      return view.attempt < attempt ? [`attempt ${attempt} of ${id} is forgotten`] : [];
    });
  } finally {
    await service.kill();
  }
}

async function everyTask(url: string): Promise<Map<string, TaskView>> {
  const found = new Map<string, TaskView>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const response = await fetch(`${url}/tasks?limit=${PAGE}${query}`);
    const page = (await response.json()) as { tasks: readonly TaskView[]; next_cursor: string | null };
    for (const task of page.tasks) found.set(task.eval_id, task);
    cursor = page.next_cursor;
  }
  return found;
}
