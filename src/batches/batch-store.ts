import { Injectable } from '@nestjs/common';
import { DocumentStore, type StoredDocument } from '../storage/document-store.js';
import type { Batch } from './batch.js';

const KIND = 'batch';

export interface BatchPage {
  /** Newest first. */
  readonly batches: readonly Batch[];
  readonly next?: number;
}

/** A batch with its revision; revision 0 if it does not exist. */
export interface ReadBatch {
  readonly batch: Batch | undefined;
  readonly revision: number;
}

/** Stores batches as documents. The store counts their tasks. */
@Injectable()
export class BatchStore {
  constructor(private readonly documents: DocumentStore) {}

  async find(id: string): Promise<ReadBatch> {
    const document = await this.documents.get(KIND, id);
    return document === undefined
      ? { batch: undefined, revision: 0 }
      : { batch: batchOf(document), revision: document.revision };
  }

  /** Returns the new revision; `undefined` if another process wrote first. */
  put(batch: Batch, revision: number): Promise<number | undefined> {
    return this.documents.put(KIND, { id: batch.id, text: JSON.stringify(batch), expected: revision });
  }

  /** Changes an existing batch. `change` returns `undefined` for no change; then the result is false. */
  async update(id: string, change: (batch: Batch) => Batch | undefined): Promise<boolean> {
    for (;;) {
      const { batch, revision } = await this.find(id);
      const next = batch && change(batch);
      if (next === undefined || JSON.stringify(next) === JSON.stringify(batch)) return false;
      if ((await this.put(next, revision)) !== undefined) return true;
    }
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
}

function batchOf({ text }: StoredDocument): Batch {
  return JSON.parse(text) as Batch;
}
