import type { TaskStore } from '../../src/storage/task-store.js';
import type { QueueCounts } from '../../src/storage/task-views.js';
import type { Task } from '../../src/task/task.js';
import { byId, idsOf, listAll } from './store-user.js';

/** Everything that a store shows of itself, in a form that can be compared. */
export type Contents = Awaited<ReturnType<typeof contentsOf>>;

/** Reads the whole store. Two stores with equal contents cannot be told apart. */
export async function contentsOf(store: TaskStore) {
  const tasks = await listAll(store);
  return {
    newestFirst: newestFirstOf(tasks),
    tasks: await Promise.all(byId(tasks).map((task) => partsOf(store, task))),
    counts: await countsOf(store),
    due: idsOf(await store.due(1_000_000)).toSorted(),
    untilDue: await store.untilDue(),
    generation: store.generation,
  };
}

/** By queue: of two queues that are on two nodes of a Cluster, nothing is promised. */
function newestFirstOf(tasks: readonly Task[]): Readonly<Record<string, readonly string[]>> {
  const queues = [...new Set(tasks.map(({ spec }) => spec.queue))].toSorted();
  return Object.fromEntries(
    queues.map((name) => [name, idsOf(tasks.filter(({ spec }) => spec.queue === name))]),
  );
}

async function partsOf(store: TaskStore, task: Task) {
  const { id } = task.spec;
  return {
    task: await store.find(id),
    payload: await store.findPayload(id),
    output: await store.findOutput(id),
    checkpoint: await store.findCheckpoint(id),
    attempts: await store.findAttempts(id),
    position: await store.views.position(task),
  };
}

/** The counts by the name of the queue. */
export async function countsOf(store: TaskStore): Promise<readonly QueueCounts[]> {
  return (await store.views.counts()).toSorted((one, other) => (one.queue < other.queue ? -1 : 1));
}

/** How many tasks the counts add up to. */
export async function totalOf(store: TaskStore): Promise<number> {
  const queues = await store.views.counts();
  return queues.flatMap(({ counts }) => Object.values(counts)).reduce((sum, count) => sum + count, 0);
}
