import { Injectable } from '@nestjs/common';
import { allDocuments, DocumentStore } from '../storage/document-store.js';
import type { Instant } from '../task/clock.js';

const KIND = 'drain';

interface Drain {
  readonly since: Instant;
}

/** The draining workers, as this process knows them; the stored list is shared. */
@Injectable()
export class DrainList {
  private since = new Map<string, Instant>();
  private version: number | undefined;
  private readonly callbacks = new Map<string, Set<() => void>>();

  constructor(private readonly documents: DocumentStore) {}

  has(workerId: string): boolean {
    return this.since.has(workerId);
  }

  /** The draining workers, with the time of the drain request. */
  entries(): IterableIterator<[workerId: string, since: Instant]> {
    return this.since.entries();
  }

  onDrain(workerId: string, callback: () => void): () => void {
    const callbacks = this.callbacks.get(workerId) ?? new Set();
    this.callbacks.set(workerId, callbacks.add(callback));
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.callbacks.get(workerId) === callbacks) this.callbacks.delete(workerId);
    };
  }

  /** Rereads the list after a change. */
  async refresh(): Promise<void> {
    const version = await this.documents.version(KIND);
    if (version === this.version) return;
    const drains = await allDocuments(this.documents, KIND);
    this.since = new Map(drains.map(({ id, text }) => [id, (JSON.parse(text) as Drain).since]));
    this.version = version;
    for (const workerId of this.since.keys()) this.tell(workerId);
  }

  async add(workerId: string, since: Instant): Promise<void> {
    const drain: Drain = { since };
    await this.documents.put(KIND, { id: workerId, text: JSON.stringify(drain), expected: 0 });
    await this.refresh();
  }

  async remove(workerId: string): Promise<void> {
    const present = await this.documents.get(KIND, workerId);
    if (present !== undefined) await this.documents.remove(KIND, workerId, present.revision);
    await this.refresh();
  }

  private tell(workerId: string): void {
    const callbacks = this.callbacks.get(workerId);
    if (callbacks === undefined) return;
    this.callbacks.delete(workerId);
    for (const callback of callbacks) callback();
  }
}
