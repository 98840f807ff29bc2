import { Injectable } from '@nestjs/common';
import { mayUseQueue } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';
import { afterWrite } from '../queue/after-write.js';
import {
  BatchBook,
  type BatchOptions,
  type Filled,
  type NewMembers,
  type Opening,
} from '../queue/batch-book.js';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import type { Batch } from './batch.js';
import { BatchService } from './batch.service.js';
import { BatchStore } from './batch-store.js';
import { BatchChecker } from './batch-checker.js';

/** Milliseconds. The accuracy of `openedAt`: a batch that grows constantly is written at most this often. */
export const OPENED_WITHIN_MS = 60_000;

/** Adds tasks to batches, and limits each batch to the queues that it covers. */
@Injectable()
export class BatchRegister extends BatchBook {
  constructor(
    private readonly batches: BatchStore,
    private readonly service: BatchService,
    private readonly checker: BatchChecker,
    private readonly store: TaskStore,
  ) {
    super();
  }

  async fill<T>(
    openings: readonly Opening[],
    enqueue: (refused: ReadonlyMap<string, ProblemError>) => Promise<Filled<T>>,
  ): Promise<T> {
    const refused = new Map<string, ProblemError>();
    const open = async (opening: Opening) => {
      try {
        await this.open(opening);
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        refused.set(opening.id, error);
      }
    };
    let grown: ReadonlySet<string> = new Set();
    try {
      // All, so that no batch is opened after the check.
      const failed = (await Promise.allSettled(openings.map(open))).find(isRejected);
      if (failed !== undefined) throw failed.reason;
      const filled = await enqueue(refused);
      grown = filled.grown;
      return filled.result;
    } finally {
      for (const { id } of openings) if (!grown.has(id) && !refused.has(id)) this.checker.note(id);
      // The tasks are durable, so a failure must not fail the request. `BatchChecker` repeats it.
      await Promise.all(Array.from(grown, (id) => this.service.reopen(id).catch(() => undefined)));
    }
  }

  async join<T>(id: string, members: NewMembers, enqueue: () => Promise<T>): Promise<T> {
    await this.cover(id, members);
    const result = await enqueue();
    try {
      // A bulk request may have opened the batch in between, without this queue.
      await this.cover(id, members);
    } catch (error) {
      // The batch belongs to another key now and ignores the task.
      if (!(error instanceof ProblemError)) throw afterWrite(error);
    }
    return result;
  }

  async cover(id: string, members: NewMembers): Promise<void> {
    for (;;) {
      const { batch, revision } = await this.batches.find(id);
      const owned = batch && (await this.owned(batch));
      if (owned === undefined) return;
      const next = joined(owned, {}, members);
      if (JSON.stringify(next) === JSON.stringify(batch)) return;
      if ((await this.batches.put(next, revision)) === undefined) continue;
      // The tasks in a queue that an outage left out may have ended.
      this.checker.note(id);
      return;
    }
  }

  private async open({ id, options, ...members }: Opening): Promise<void> {
    let { queues } = members;
    for (;;) {
      const { batch, revision } = await this.batches.find(id);
      const owned = batch && (await this.owned(batch));
      const now = this.store.clock.now().wall;
      const next =
        owned === undefined
          ? await this.made(id, options, { ...members, queues })
          : { ...joined(owned, options, { ...members, queues }), openedAt: openedAt(owned, now) };
      const isChanged = JSON.stringify(next) !== JSON.stringify(batch);
      if (isChanged && (await this.batches.put(next, revision)) === undefined) continue;
      if (owned !== undefined) return;
      // A task that became durable before the record found no batch to join.
      const present = await this.presentQueues(id, members);
      if (present.every((queue) => next.queues.includes(queue))) return;
      queues = union(queues, present);
    }
  }

  /** A new batch includes earlier tasks with its id in queues that the key has access to. */
  private async made(id: string, options: BatchOptions, members: NewMembers): Promise<OwnedBatch> {
    const queues = union(await this.presentQueues(id, members), members.queues);
    const now = this.store.clock.now().wall;
    return { id, createdAt: now, openedAt: now, queues, ...given(options) };
  }

  /** The queues with tasks of the batch that the key has access to. */
  private async presentQueues(id: string, { principal }: NewMembers): Promise<string[]> {
    const counts = await this.store.views.countBatch(id);
    return counts.map(({ queue }) => queue).filter((queue) => mayUseQueue(principal, queue));
  }

  /** A batch of an older version covers the queues of its tasks; `undefined` if it has no tasks left. */
  private async owned(batch: Batch): Promise<OwnedBatch | undefined> {
    if (batch.queues !== undefined) return { ...batch, queues: batch.queues };
    const counts = await this.store.views.countBatch(batch.id);
    return counts.length === 0 ? undefined : { ...batch, queues: counts.map(({ queue }) => queue) };
  }
}

type OwnedBatch = Batch & { readonly queues: readonly string[] };

function joined(batch: OwnedBatch, options: BatchOptions, { queues, principal }: NewMembers): OwnedBatch {
  const { callbackUrl = batch.callbackUrl, maxFailures = batch.maxFailures } = options;
  const isOwner = batch.queues.every((queue) => mayUseQueue(principal, queue));
  const isOutside = queues.some((queue) => !batch.queues.includes(queue));
  if (!isOwner && isOutside) throw taken(batch.id);
  if (!isOwner && (callbackUrl !== batch.callbackUrl || maxFailures !== batch.maxFailures)) {
    throw new ProblemError(
      'forbidden',
      `Batch ${batch.id} also has tasks in queues that this key has no access to; omit callback_url and max_failures`,
    );
  }
  return { ...batch, ...given(options), queues: union(batch.queues, queues) };
}

function taken(id: string): ProblemError {
  return new ProblemError('name_taken', `The name ${id} is in use; choose another batch_id`);
}

function given(options: BatchOptions): BatchOptions {
  return JSON.parse(JSON.stringify(options)) as BatchOptions;
}

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])];
}

function isRejected(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected';
}

function openedAt({ openedAt: before = -Infinity }: Batch, now: Instant): Instant {
  // A time in the future was written under a wrong clock.
  return now - before < OPENED_WITHIN_MS && before <= now ? before : now;
}
