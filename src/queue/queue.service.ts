import { Injectable } from '@nestjs/common';
import { cursorAt, invalidCursor, placeOf } from '../http/cursor.js';
import { invalidRequest } from '../http/dto-reader.js';
import type { JsonText, NewTask, Payload } from '../storage/task-store.js';
import type { TaskFilter, TaskPage, TaskQuery } from '../storage/task-views.js';
import { TaskStore } from '../storage/task-store.js';
import type { Moment, Seconds } from '../task/clock.js';
import { create, requireFinished } from '../task/task.machine.js';
import { TaskConflict, TaskDamaged, TaskNotFound } from '../task/task.errors.js';
import type { Attempt, Task, TaskSpec } from '../task/task.js';
import { FINAL_STATES, isFinalState } from '../task/task-state.js';
import { afterWrite } from './after-write.js';
import type { Caller } from './caller.js';
import { DepthGate, type QueueFull } from './depth-gate.js';
import { FinishWaiters } from './finish-waiters.js';
import { codeOf, metadataOf } from './payload.js';
import { isSamePayload, isSameSpec } from './same-work.js';

/** Tasks per commit of a removal of many. */
const REMOVED_AT_ONCE = 500;

export interface TaskDraft {
  readonly spec: TaskSpec;
  readonly payload: Payload;
}

/** A task with its position while it is queued. */
export interface PlacedTask {
  readonly task: Task;
  /** 1 for the next task to be claimed. */
  readonly position: number | undefined;
}

export interface Enqueued extends PlacedTask {
  /** Whether the task existed before, with the same content. */
  readonly isReplay: boolean;
}

/** Why one of many tasks was not enqueued. */
export type EnqueueRefusal = TaskConflict | TaskDamaged | QueueFull;

/** Enqueues and reads tasks. */
@Injectable()
export class QueueService {
  constructor(
    private readonly store: TaskStore,
    private readonly waiters: FinishWaiters,
    private readonly gate: DepthGate,
  ) {}

  /** @throws TaskConflict when a task with this id has other content, QueueFull */
  async enqueue(draft: TaskDraft): Promise<Enqueued> {
    const item = newTask(draft, this.store.clock.now());
    const [existing] = await this.admitted(draft, () => this.store.insert([item]));
    const result = await this.outcomeOf(item, existing);
    if (result instanceof Error) throw result;
    return result;
  }

  /** Enqueues all in one durable commit; each has its own result. */
  async enqueueAll(drafts: readonly TaskDraft[]): Promise<(Enqueued | EnqueueRefusal)[]> {
    const isLimited = drafts.some(({ spec }) => this.gate.limitOf(spec.queue) !== undefined);
    return isLimited ? this.enqueueSome(drafts) : this.insertAll(drafts);
  }

  /** Enqueues the tasks that fit or exist already. */
  private async enqueueSome(drafts: readonly TaskDraft[]): Promise<(Enqueued | EnqueueRefusal)[]> {
    const { admitted, release } = await this.gate.admit(drafts);
    try {
      const results = (await this.insertAll(drafts.filter((draft) => admitted.has(draft)))).values();
      return drafts.map(({ spec }, index) => {
        const draft = drafts[index];
        const next = draft !== undefined && admitted.has(draft) ? results.next() : undefined;
        return next?.done === false ? next.value : this.gate.full(spec.queue);
      });
    } finally {
      release();
    }
  }

  private async insertAll(drafts: readonly TaskDraft[]): Promise<(Enqueued | TaskConflict | TaskDamaged)[]> {
    const now = this.store.clock.now();
    const items = drafts.map((draft) => newTask(draft, now));
    let present: readonly (Task | undefined)[];
    try {
      present = await this.store.insert(items);
    } catch (error) {
      if (error instanceof TaskDamaged) return this.insertWithout(drafts, error);
      throw error;
    }
    try {
      return await Promise.all(items.map((item, index) => this.outcomeOf(item, present[index])));
    } catch (error) {
      throw present.includes(undefined) ? afterWrite(error) : error;
    }
  }

  /** Inserts the others after a damaged task with the id of some made the whole insert fail. */
  private async insertWithout(
    drafts: readonly TaskDraft[],
    damage: TaskDamaged,
  ): Promise<(Enqueued | TaskConflict | TaskDamaged)[]> {
    const results = (await this.insertAll(drafts.filter(({ spec }) => spec.id !== damage.id))).values();
    return drafts.map(({ spec }) => {
      const next = spec.id === damage.id ? undefined : results.next();
      return next?.done === false ? next.value : damage;
    });
  }

  /** @throws TaskNotFound */
  async find(id: string): Promise<Task> {
    const task = await this.store.find(id);
    if (task === undefined) throw new TaskNotFound(id);
    return task;
  }

  /** A consistent view of the task and its position. */
  async place(task: Task): Promise<PlacedTask> {
    if (task.state !== 'queued') return { task, position: undefined };
    const position = await this.store.views.position(task);
    if (position !== undefined) return { task, position };
    // Claimed between the two reads.
    const next = await this.find(task.spec.id);
    return next.revision === task.revision ? { task, position } : this.place(next);
  }

  /**
   * The same for a task that was just written. The write holds even if the store becomes unavailable meanwhile. A task
   * that was cleared meanwhile is shown as written.
   */
  async placeWritten(task: Task): Promise<PlacedTask> {
    try {
      return await this.placePresent(task);
    } catch (error) {
      throw afterWrite(error);
    }
  }

  /**
   * Waits until the task has ended, at most `wait`; then returns it as it is.
   *
   * @throws TaskNotFound
   */
  async findEnded(id: string, wait: Seconds, caller: Caller): Promise<Task> {
    const task = await this.waiters.findEnded(id, wait, caller);
    if (task === undefined) throw new TaskNotFound(id);
    return task;
  }

  /**
   * The original metadata of a task, and the full text of its last error.
   *
   * @throws TaskNotFound when it was removed meanwhile
   */
  async details(task: Task): Promise<{ metadata: JsonText | undefined; error: string | undefined }> {
    const { spec, last } = task;
    const isWhole = !last?.isErrorCut;
    if (isWhole && !spec.hasMetadata) return { metadata: undefined, error: last?.error };
    return this.readOf(task, async (id) => {
      const payload = spec.hasMetadata ? await this.store.findPayload(id) : undefined;
      const metadata = payload === undefined ? undefined : metadataOf(payload);
      if (isWhole) return { metadata, error: last?.error };
      const attempts = await this.store.findAttempts(id);
      return { metadata, error: attempts.at(-1)?.error };
    });
  }

  /**
   * The payload of a task: the code as text, the metadata as its original JSON.
   *
   * @throws TaskNotFound when it was removed meanwhile
   */
  async payload(task: Task): Promise<{ code: string; metadata: JsonText | undefined }> {
    const payload = await this.readOf(task, (id) => this.store.findPayload(id));
    if (payload === undefined) throw new TaskNotFound(task.spec.id);
    return { code: codeOf(payload), metadata: metadataOf(payload) };
  }

  /** @throws TaskNotFound when it was removed meanwhile */
  async attempts(task: Task): Promise<readonly Attempt[]> {
    return this.readOf(task, (id) => this.store.findAttempts(id));
  }

  /** @throws TaskNotFound when it was removed meanwhile */
  async output(task: Task): Promise<JsonText | undefined> {
    return this.readOf(task, (id) => this.store.findOutput(id));
  }

  /** @throws ProblemError `invalid_request` when the service did not issue this cursor */
  async list(query: TaskQuery): Promise<TaskPage> {
    const cursor = placeOf('tasks', query.cursor);
    try {
      const { tasks, nextCursor: next } = await this.store.views.list({ ...query, cursor });
      return { tasks, nextCursor: next === undefined ? undefined : cursorAt('tasks', next) };
    } catch (error) {
      throw cursor !== undefined && error instanceof RangeError ? invalidCursor() : error;
    }
  }

  /** @throws TaskNotFinished */
  async remove(id: string): Promise<void> {
    for (;;) {
      const task = await this.find(id);
      requireFinished(task);
      const [isRemoved] = await this.store.remove([task]);
      if (isRemoved) return;
    }
  }

  /**
   * Removes all matching tasks, in any state and at once. With a cause it removes ended tasks only, page by page.
   *
   * @throws ProblemError `invalid_request` for a cause with a state that is not final
   */
  async clear({ cause, ...filter }: Pick<TaskQuery, 'states' | 'queues' | 'cause'>): Promise<number> {
    if (cause === undefined) return this.store.clear(filter);
    const { states = FINAL_STATES } = filter;
    if (!states.every(isFinalState)) {
      const detail = `cause selects ended tasks; with it, status takes ${FINAL_STATES.join(', ')} only`;
      throw invalidRequest([{ pointer: 'status', detail }]);
    }
    return this.removeMatching({ ...filter, states, cause });
  }

  private async removeMatching(filter: TaskFilter): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    try {
      do {
        const page: TaskPage = await this.store.views.list({ ...filter, limit: REMOVED_AT_ONCE, cursor });
        const removed = page.tasks.length === 0 ? [] : await this.store.remove(page.tasks);
        count += removed.filter(Boolean).length;
        cursor = page.nextCursor;
      } while (cursor !== undefined);
    } catch (error) {
      throw count > 0 ? afterWrite(error) : error;
    }
    return count;
  }

  /**
   * What the store keeps by the id of a task. A caller may see the task, but not another one that took its id meanwhile.
   *
   * @throws TaskNotFound when it was removed meanwhile
   */
  private async readOf<T>({ spec, createdAt }: Task, read: (id: string) => Promise<T>): Promise<T> {
    const content = await read(spec.id);
    const present = await this.find(spec.id);
    const isSame = present.createdAt === createdAt && present.spec.queue === spec.queue;
    if (!isSame) throw new TaskNotFound(spec.id);
    return content;
  }

  /** Views a task that existed when the request was decided; a later clear does not change the response. */
  private async placePresent(task: Task): Promise<PlacedTask> {
    try {
      return await this.place(task);
    } catch (error) {
      if (error instanceof TaskNotFound) return { task, position: undefined };
      throw error;
    }
  }

  private async admitted<T>(draft: TaskDraft, insert: () => Promise<T>): Promise<T> {
    if (this.gate.limitOf(draft.spec.queue) === undefined) return insert();
    const { admitted, release } = await this.gate.admit([draft]);
    try {
      if (!admitted.has(draft)) throw this.gate.full(draft.spec.queue);
      return await insert();
    } finally {
      release();
    }
  }

  private async outcomeOf(
    item: NewTask,
    existing: Task | undefined,
  ): Promise<Enqueued | TaskConflict | TaskDamaged> {
    const refusal = existing === undefined ? undefined : await this.refusalOf(item, existing);
    if (refusal !== undefined) return refusal;
    const placed =
      existing === undefined ? this.placeWritten(item.transition.task) : this.placePresent(existing);
    const { task, position } = await placed;
    return { task, position, isReplay: existing !== undefined };
  }

  /** Why a task is no repetition of the task with its id; `undefined` if it is one. */
  private async refusalOf(item: NewTask, { spec }: Task): Promise<TaskConflict | TaskDamaged | undefined> {
    if (!isSameSpec(spec, item.transition.task.spec)) return new TaskConflict(spec.id);
    try {
      const payload = await this.store.findPayload(spec.id);
      const isSame = payload === undefined || isSamePayload(payload, item.payload);
      return isSame ? undefined : new TaskConflict(spec.id);
    } catch (error) {
      if (error instanceof TaskDamaged) return error;
      throw error;
    }
  }
}

function newTask({ spec, payload }: TaskDraft, now: Moment): NewTask {
  return { transition: create(spec, now), payload };
}
