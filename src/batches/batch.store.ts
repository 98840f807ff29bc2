import { Injectable } from '@nestjs/common';
import { BatchBook, type BatchOptions } from '../queue/batch-book.js';
import { DocumentStore, type StoredDocument } from '../storage/document-store.js';
import { Clock } from '../task/clock.js';
import type { Batch } from './batch.js';

const KIND = 'batch';
/** How exactly it is known when a batch was opened last: so a batch that grows all the time is seldom written. */
export const OPENED_WITHIN_MS = 60_000;

export interface BatchPage {
  /** The youngest first. */
  readonly batches: readonly Batch[];
  readonly next?: number;
}

/** Batches as documents. Their counts are the store's business. */
@Injectable()
export class BatchStore extends BatchBook {
  constructor(
    private readonly documents: DocumentStore,
    private readonly clock: Clock,
  ) {
    super();
  }

  async open(id: string, options: BatchOptions): Promise<void> {
    const given = JSON.parse(JSON.stringify(options)) as BatchOptions;
    const now = this.clock.now().wall;
    await this.write(id, (present = { id, createdAt: now }) => {
      const { openedAt = -Infinity, ...rest } = present;
      const isRecent = now - openedAt < OPENED_WITHIN_MS;
      const running = { doneAt: undefined, isTold: undefined };
      return { ...rest, ...given, ...running, openedAt: isRecent ? openedAt : now };
    });
  }

  async find(id: string): Promise<Batch | undefined> {
    const document = await this.documents.get(KIND, id);
    return document && batchOf(document);
  }

  /** Changes a batch that is there. `change` returns `undefined` when it is so already; then false is answered. */
  update(id: string, change: (batch: Batch) => Batch | undefined): Promise<boolean> {
    return this.write(id, (present) => (present === undefined ? undefined : change(present)));
  }

  async list(limit: number, before?: number): Promise<BatchPage> {
    const { documents, next } = await this.documents.list(KIND, { limit, before });
    return { batches: documents.map(batchOf), next };
  }

  /** Removes a batch unless it has changed since it was read. */
  async remove(batch: Batch): Promise<void> {
    const document = await this.documents.get(KIND, batch.id);
    if (document?.text === JSON.stringify(batch))
      await this.documents.remove(KIND, batch.id, document.revision);
  }

  /** Whether it was written. */
  private async write(
    id: string,
    change: (present: Batch | undefined) => Batch | undefined,
  ): Promise<boolean> {
    for (;;) {
      const document = await this.documents.get(KIND, id);
      const next = change(document && batchOf(document));
      if (next === undefined) return false;
      const text = JSON.stringify(next);
      if (text === document?.text) return false;
      const expected = document?.revision ?? 0;
      if ((await this.documents.put(KIND, { id, text, expected })) !== undefined) return true;
    }
  }
}

function batchOf({ text }: StoredDocument): Batch {
  return JSON.parse(text) as Batch;
}
