import { Injectable } from '@nestjs/common';
import { mayUseQueue } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';
import { BatchBook, type BatchOptions, type NewMembers } from '../queue/batch-book.js';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import type { Batch } from './batch.js';
import { BatchService } from './batch.service.js';
import { BatchStore } from './batch.store.js';
import { BatchWatch } from './batch.watch.js';

/** Milliseconds. The accuracy of `openedAt`: a batch that grows constantly is written at most this often. */
export const OPENED_WITHIN_MS = 60_000;

/** Adds tasks to batches, and limits each batch to the queues that it covers. */
@Injectable()
export class BatchRegister extends BatchBook {
  constructor(
    private readonly batches: BatchStore,
    private readonly service: BatchService,
    private readonly watch: BatchWatch,
    private readonly store: TaskStore,
  ) {
    super();
  }

  async open(id: string, options: BatchOptions, members: NewMembers): Promise<void> {
    for (;;) {
      const { batch, revision } = await this.batches.find(id);
      const owned = batch && (await this.owned(batch));
      const now = this.store.clock.now().wall;
      const next =
        owned === undefined
          ? await this.made(id, options, members)
          : { ...joined(owned, options, members), openedAt: openedAt(owned, now) };
      if (JSON.stringify(next) === JSON.stringify(batch)) return;
      if ((await this.batches.put(next, revision)) !== undefined) return;
    }
  }

  async join(id: string, members: NewMembers): Promise<void> {
    for (;;) {
      const { batch, revision } = await this.batches.find(id);
      const owned = batch && (await this.owned(batch));
      if (owned === undefined) return;
      const next = joined(owned, {}, members);
      if (JSON.stringify(next) === JSON.stringify(batch)) return;
      if ((await this.batches.put(next, revision)) !== undefined) return;
    }
  }

  grew(id: string): Promise<void> {
    return this.service.reopen(id);
  }

  openedAgain(id: string): void {
    this.watch.note(id);
  }

  /** A new batch includes earlier tasks with its id in queues that the key has access to. */
  private async made(id: string, options: BatchOptions, { queues, principal }: NewMembers): Promise<Batch> {
    const counts = await this.store.countBatch(id);
    const present = counts.map(({ queue }) => queue).filter((queue) => mayUseQueue(principal, queue));
    const now = this.store.clock.now().wall;
    return { id, createdAt: now, openedAt: now, queues: union(present, queues), ...given(options) };
  }

  /** A batch of an older version covers the queues of its tasks; `undefined` if it has no tasks left. */
  private async owned(batch: Batch): Promise<OwnedBatch | undefined> {
    if (batch.queues !== undefined) return { ...batch, queues: batch.queues };
    const counts = await this.store.countBatch(batch.id);
    return counts.length === 0 ? undefined : { ...batch, queues: counts.map(({ queue }) => queue) };
  }
}

type OwnedBatch = Batch & { readonly queues: readonly string[] };

function joined(batch: OwnedBatch, options: BatchOptions, { queues, principal }: NewMembers): Batch {
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

function openedAt({ openedAt: before = -Infinity }: Batch, now: Instant): Instant {
  // A time in the future was written under a wrong clock.
  return now - before < OPENED_WITHIN_MS && before <= now ? before : now;
}
